import { accounts } from '@l2/settlement/testing'
import { keccak256, stringToHex } from 'viem'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Court, openCourt } from '../../../settlement/test/claims.js'
import type { L1 } from '../l1/l1.js'
import { createSupervision } from '../process/supervision.js'
import { openSettling, type SettlingOptions } from './settling.js'

const [, , liar, honest] = accounts

let court: Court
beforeAll(async () => {
  court = await openCourt()
})
afterAll(async () => {
  await court?.[Symbol.asyncDispose]()
})

function open(options: Omit<SettlingOptions, 'factory'>, safe = 20n) {
  const said: string[] = []
  const proofs = {
    ...{ name: 'engine', depthBlocks: undefined },
    probe: async () => ({ head: 20n, oldest: 0n, isWhole: true }),
    proof: () => Promise.reject(new Error('nobody asks for it')),
  }
  const head = { number: safe, hash: court.chain.output(safe).hash }
  const verifier = {
    status: { safe: head, finalized: head, l1Number: 1_000_000n },
    safeAt: () => ({ l1: { number: 0n, hash: head.hash }, head }),
  }
  const settling = openSettling(
    { factory: court.factory, sending: { resubmitMs: 500 }, ...options },
    {
      l1: { url: court.l1.url, chainId: 900 } as L1,
      verifier: verifier as never,
      users: { proofs },
      read: () => Promise.reject(new Error('nobody reads')),
      derived: { proofs, outputs: court.chain, header: court.chain.header },
      say: message => said.push(message),
    },
  )
  return { settling, said }
}

const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await holds())) await new Promise(resolve => setTimeout(resolve, 50))
}

it('proposes and challenges by one account, as loops that a supervision ends', async () => {
  const { settling, said } = open({
    proposer: { account: honest, intervalSeconds: 3600n },
    challenger: { account: honest, confirmations: 0n },
  })
  const supervision = createSupervision(() => {})
  try {
    settling.run(supervision)
    await until(() => settling.status.proposer?.last?.number === 20n)
    const game = await court.create(liar, keccak256(stringToHex('a lie')), 19n)
    await until(async () => (await court.claims(game)) === 2)
    await until(() => settling.status.challenger?.judged.true === 1)
    expect(settling.check()).toEqual({ ok: true })
    expect(said.some(message => /^block 20 is proposed to L1: game 0$/.test(message))).toBe(true)
    expect(said.some(message => /game 1 claims what is not true of block 19/.test(message))).toBe(true)
  } finally {
    await supervision.stop()
  }
})

it('makes an empty wallet a matter of health and of waiting, and goes on', async () => {
  const balance = await court.balance(honest.address)
  await court.l1.pass(4000)
  await court.l1.test.setBalance({ address: honest.address, value: 0n })
  const { settling } = open({ proposer: { account: honest, intervalSeconds: 100n, rule: 'safe' } }, 30n)
  const supervision = createSupervision(() => {})
  try {
    settling.run(supervision)
    await until(() => !settling.check().ok && supervision.waiting.length > 0)
    expect(settling.check().reason).toMatch(/has 0 wei/)
    expect(supervision.waiting).toMatchObject([{ part: 'proposer' }])
    expect(settling.status.challenger).toBeUndefined()
    await court.l1.test.setBalance({ address: honest.address, value: balance })
    await until(() => settling.status.proposer?.last?.number === 30n)
    await until(() => settling.check().ok && supervision.waiting.length === 0)
  } finally {
    await supervision.stop()
  }
})
