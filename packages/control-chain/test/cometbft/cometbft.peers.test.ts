import { connect } from 'node:net'
import { bytesToHex } from '@l2/common'
import { hashSequencerHeader, type SequencerHeader } from '@l2/sequencer-core/block'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { goProgram } from '../../../../scripts/go.mjs'
import { leaderAt } from '../../src/fold/leaders.js'
import { encodeEquivocation, signTransaction } from '../../src/transaction/transaction.js'
import { accounts, domain, hashOf, openLocalnet, plan, until, type Validator } from './localnet.js'

// Half a minute of a whole network: in `pnpm test:peers`, not in `npm test`.
const { L2_PEERS } = process.env
const binary = L2_PEERS === undefined ? undefined : goProgram('cometbft', { build: L2_PEERS === 'full' })

/** Four operators on the real engine: its votes, its signatures, its order, its restarts. */
describe.skipIf(binary === undefined)('four operators on CometBFT', () => {
  let net: Awaited<ReturnType<typeof openLocalnet>>
  let validators: Validator[]
  beforeAll(async () => {
    net = await openLocalnet(binary!)
    validators = net.validators
    await Promise.all(validators.map(validator => validator.start()))
    await until('control blocks', () => validators.every(({ state }) => state().height >= 2n))
  })
  afterAll(() => net?.close())

  const milestone = (validator: Validator): number => Number(validator.state().milestone.height)
  const broadcast = async (bytes: Uint8Array, at = 1): Promise<number> => {
    const { code } = await validators[at]!.rpc<{ code: number }>(`broadcast_tx_sync?tx=${bytesToHex(bytes)}`)
    return code
  }
  const vote = (operator: number, view: number, sequence: bigint) =>
    signTransaction({ domain, message: { type: 'termVote', view, cause: { type: 'silent' } }, sequence }, hash =>
      accounts[operator]!.sign({ hash }),
    )

  it('settle what three of them have executed, and agree on the state’s hash', async () => {
    for (const validator of validators.slice(0, 2)) validator.executed = 20
    const before = validators[0]!.state().height
    await until('three more control blocks', () => validators[0]!.state().height >= before + 3n)
    expect(milestone(validators[0]!)).toBe(0)
    validators[2]!.executed = 20
    await until('a milestone everywhere', () => validators.every(validator => milestone(validator) === 20))
    const height = validators[0]!.state().height - 1n
    const hashes = await Promise.all(
      validators.map(validator =>
        validator
          .rpc<{ block: { header: { app_hash: string } } }>(`block?height=${height}`)
          .then(({ block }) => block.header.app_hash),
      ),
    )
    expect(new Set(hashes).size).toBe(1)
  })

  it('end a term by votes, and take none that is not an operator’s or comes again', async () => {
    const bytes = await Promise.all([1, 2, 3].map(operator => vote(operator, 0, 1n)))
    expect(await Promise.all(bytes.map(one => broadcast(one)))).toEqual([0, 0, 0])
    await until('the next term', () => validators.every(({ state }) => state().view === 1))
    expect(validators[0]!.state().start.height).toBe(20n)
    const broken = bytes[0]!.slice()
    broken[10]! ^= 1
    expect(await broadcast(broken)).toBe(1)
    expect(await broadcast(bytes[0]!, 2).catch(() => 2)).not.toBe(0)
    expect(validators[0]!.state().view).toBe(1)
  })

  it('go on while one is dead, and it comes back to where the others are', async () => {
    await validators[3]!.kill()
    for (const validator of validators.slice(0, 3)) validator.executed = 40
    await until('a milestone of three', () => validators.slice(0, 3).every(validator => milestone(validator) === 40))
    await validators[3]!.start()
    await until('the fourth has it, too', () => milestone(validators[3]!) === 40)
  })

  it('stand still without a third of the stake more, and settle nothing twice afterwards', async () => {
    await Promise.all([validators[2]!.kill(), validators[3]!.kill()])
    for (const validator of validators) validator.executed = 60
    const settled = validators[0]!.events.filter(({ type }) => type === 'settled').length
    const { height } = validators[0]!.state()
    await new Promise(resolve => setTimeout(resolve, 4_000))
    // What was voted for before they died may still come.
    expect(validators[0]!.state().height - height).toBeLessThanOrEqual(1n)
    await Promise.all([validators[2]!.start(), validators[3]!.start()])
    await until('milestones go on', () => validators.every(validator => milestone(validator) === 60))
    expect(validators[0]!.events.filter(({ type }) => type === 'settled').length).toBeGreaterThan(settled)
    expect(validators[0]!.events.some(({ type }) => type === 'settledRevoked')).toBe(false)
  })

  it('are not disturbed by bytes on the socket that are no request', async () => {
    const { height } = validators[0]!.state()
    for (const bytes of [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.alloc(64, 255),
      Buffer.from([3, 255, 255, 255]),
    ]) {
      await new Promise<void>(resolve => {
        const socket = connect(validators[0]!.abciPath, () => socket.write(bytes))
        socket.on('close', () => resolve())
        socket.on('error', () => {})
        setTimeout(() => socket.destroy(), 1_000)
      })
    }
    expect(validators[0]!.faults.length).toBeGreaterThan(0)
    await until('control blocks go on', () => validators[0]!.state().height > height + 2n)
  })

  it('jail who signed two headers at one place: it leads no more, and the engine takes its power', async () => {
    const header: SequencerHeader = {
      epochId: 1n,
      term: 1,
      height: 21n,
      parentHash: hashOf(20),
      txRoot: hashOf(1),
      stateRoot: hashOf(2),
      timestamp: 1_700_000_000n,
      l1OriginNumber: 1n,
      l1OriginHash: hashOf(3),
      forcedUpTo: 0n,
    }
    const sign = async (change: Partial<SequencerHeader>) => {
      const changed = { ...header, ...change }
      return { header: changed, signature: await accounts[0]!.sign({ hash: hashSequencerHeader(changed, domain) }) }
    }
    expect(await broadcast(encodeEquivocation(await sign({}), await sign({ stateRoot: hashOf(9) })))).toBe(0)
    await until('it is jailed everywhere', () => validators.every(({ state }) => state().jailed.has(0)))
    expect(leaderAt(validators[1]!.state(), plan, 61n)).not.toBe(0)
    const others = await until('the engine’s set has three', async () => {
      const answer = await validators[1]!.rpc<{ total: string; validators: unknown[] }>('validators')
      return answer.total === '3' && answer.validators
    })
    expect(others).toHaveLength(3)
    for (const validator of validators.slice(1)) validator.executed = 80
    await until('three settle without it', () => milestone(validators[1]!) === 80)
  })
})
