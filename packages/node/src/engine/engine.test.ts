import type { Hash } from 'viem'
import { expect, it } from 'vitest'
import { NodeError } from '../errors.js'
import { catchUp, type NodeEngine, openEngine, type Running } from './engine.js'

const hashOf = (number: bigint): Hash => `0x${number.toString(16).padStart(64, '0')}`
const record = { last: 9n, hashAt: async (number: bigint) => hashOf(number) }

/** An engine that an earlier run left at block 5. */
function setup() {
  let restored: { number: bigint; hash: Hash } | undefined = { number: 5n, hash: hashOf(5n) }
  const node = {
    restored: () => restored,
    forget: async () => {
      restored = undefined
    },
  } as unknown as NodeEngine
  return { node, isForgotten: () => restored === undefined }
}

it('goes on from where the engine was left', async () => {
  const { node, isForgotten } = setup()
  const asked: bigint[] = []
  await catchUp(node, 'op', record, async above => void asked.push(above))
  expect(asked).toEqual([5n])
  expect(isForgotten()).toBe(false)
})

it('begins anew when the state that was left leads elsewhere, once', async () => {
  const { node, isForgotten } = setup()
  const asked: bigint[] = []
  const mismatch = new NodeError('block 6 differs', { code: 'VERIFICATION_FAILED' })
  await catchUp(node, 'op', record, async above => {
    asked.push(above)
    if (above > 0n) throw mismatch
  })
  expect(asked).toEqual([5n, 0n])
  expect(isForgotten()).toBe(true)
  // What differs from the genesis on is no matter of a state that was left.
  await expect(catchUp(node, 'op', record, async () => Promise.reject(mismatch))).rejects.toBe(mismatch)
})

it('throws nothing away because an engine did not answer', async () => {
  const { node, isForgotten } = setup()
  const silent = new NodeError('no answer', { code: 'RPC_FAILED', recovery: 'retry' })
  await expect(catchUp(node, 'op', record, async () => Promise.reject(silent))).rejects.toBe(silent)
  expect(isForgotten()).toBe(false)
})

it('says when its program ends, unless it was ended here', async () => {
  const programs: { end: () => void }[] = []
  const start = async (): Promise<Running> => {
    let end = (): void => {}
    const ended = new Promise<void>(resolve => {
      end = resolve
    })
    programs.push({ end })
    return { engine: { name: 'a program' }, ended, close: async () => end() } as unknown as Running
  }
  const outcomes: unknown[] = []
  for (const isKilled of [false, true]) {
    const node = await openEngine(start)
    node.failed.catch(error => outcomes.push(error))
    await node.forget()
    if (isKilled) programs.at(-1)!.end()
    else await node.close()
    await new Promise(setImmediate)
  }
  expect(outcomes).toEqual([expect.objectContaining({ code: 'ENGINE_ENDED' })])
})
