import type { AccountState } from '@l2/sequencer-core/mempool'
import type { Address, Hash } from 'viem'
import { expect, it } from 'vitest'
import { createAccountReader } from './account-reader.js'

const address = (n: number): Address => `0x${n.toString(16).padStart(40, '0')}`
const hash = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`
const state = (nonce: bigint): AccountState => ({ nonce, balanceWei: 0n, delegated: false })

function setup() {
  let head = hash(1)
  const questions: { addresses: readonly Address[]; answer(states: AccountState[]): void; fail(error: Error): void }[] =
    []
  const accountOf = createAccountReader(
    addresses => new Promise((answer, fail) => questions.push({ addresses, answer, fail })),
    () => head,
  )
  return { accountOf, questions, move: (to: Hash) => (head = to) }
}
const settle = () => new Promise(resolve => setImmediate(resolve))

it('asks one question at a time for all who wait, and none for what it knows', async () => {
  const { accountOf, questions } = setup()
  const asked = [1, 2, 2, 3].map(n => accountOf(address(n)))
  await settle()
  expect(questions.map(({ addresses }) => addresses)).toEqual([[address(1)]])
  questions[0]!.answer([state(7n)])
  await settle()
  expect(questions[1]!.addresses).toEqual([address(2), address(3)])
  questions[1]!.answer([state(8n), state(9n)])
  expect((await Promise.all(asked)).map(({ nonce }) => nonce)).toEqual([7n, 8n, 8n, 9n])
  expect((await accountOf(address(3))).nonce).toBe(9n)
  expect(questions).toHaveLength(2)
})

it('asks again when the head moves under a question, and forgets what it knew', async () => {
  const { accountOf, questions, move } = setup()
  const asked = accountOf(address(1))
  await settle()
  move(hash(2))
  questions[0]!.answer([state(1n)])
  await settle()
  questions[1]!.answer([state(2n)])
  expect((await asked).nonce).toBe(2n)
  move(hash(3))
  const later = accountOf(address(1))
  await settle()
  questions[2]!.answer([state(3n)])
  expect((await later).nonce).toBe(3n)
})

it('fails those whose question failed, and goes on', async () => {
  const { accountOf, questions } = setup()
  const failing = accountOf(address(1))
  await settle()
  const waiting = accountOf(address(2))
  questions[0]!.fail(new Error('gone'))
  await expect(failing).rejects.toThrow('gone')
  await settle()
  questions[1]!.answer([state(5n)])
  expect((await waiting).nonce).toBe(5n)
})
