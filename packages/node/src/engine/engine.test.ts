import type { Hash } from 'viem'
import { expect, it } from 'vitest'
import { NodeError } from '../errors.js'
import { RpcAnswerError } from '../rpc/client.js'
import { agreedHeight, catchUp, type NodeEngine, openEngine, type Running } from './engine.js'

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

/** An engine that holds blocks up to 100, of which those above `parting` are not of the record, and states from `kept` on. */
function branched(parting: bigint, kept: bigint) {
  let isForgotten = false
  let asked = 0
  const node = {
    restored: () => ({ number: 100n, hash: hashOf(1100n) }),
    forget: async () => void (isForgotten = true),
    engine: {
      block: async (number: bigint) => {
        asked++
        return { number, hash: hashOf(number > parting ? number + 1000n : number) }
      },
    },
    read: async (_: string, [, number]: [string, string]) => {
      if (BigInt(number) < kept) throw new RpcAnswerError({ code: -32000, message: 'missing trie node' })
      return '0x0'
    },
  } as unknown as NodeEngine
  return { node, isForgotten: () => isForgotten, asked: () => asked }
}
const longRecord = { last: 120n, hashAt: async (number: bigint) => hashOf(number) }

it('goes on from where a branch parts from the record, found in few questions', async () => {
  const { node, isForgotten, asked } = branched(83n, 0n)
  expect(await agreedHeight(node, 'op', longRecord)).toBe(83n)
  expect(isForgotten()).toBe(false)
  expect(asked()).toBeLessThanOrEqual(7)
})

it('begins anew where nothing is shared, the state is gone, or the engine holds no branches', async () => {
  for (const [parting, kept, family] of [
    [0n, 0n, 'op'],
    [83n, 84n, 'op'],
    [83n, 0n, 'anvil'],
  ] as const) {
    const { node, isForgotten } = branched(parting, kept)
    expect(await agreedHeight(node, family, longRecord)).toBe(0n)
    expect(isForgotten()).toBe(true)
  }
})

it('throws nothing away because an engine did not answer', async () => {
  const { node, isForgotten } = setup()
  const silent = new NodeError('no answer', { code: 'RPC_FAILED', recovery: 'retry' })
  await expect(catchUp(node, 'op', record, async () => Promise.reject(silent))).rejects.toBe(silent)
  expect(isForgotten()).toBe(false)
})

const silenceMs = 30_000

/** Programs that end when somebody says so. */
function programs(answers: (place: number) => Promise<unknown> = async () => 'here') {
  const ends: (() => void)[] = []
  const start = async (): Promise<Running> => {
    let end = (): void => {}
    const ended = new Promise<void>(resolve => {
      end = resolve
    })
    const place = ends.push(() => end())
    const block = async () => ({ number: BigInt(place) })
    const kill = async () => end()
    const program = { ended, ping: async () => answers(place), kill }
    return { engine: { name: 'a program', block }, program, close: kill } as unknown as Running
  }
  return { ends, start }
}
const settle = async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
}

it('is started again when its program ends, and answers once that is where the other was', async () => {
  const { ends, start } = programs()
  const node = await openEngine(start, silenceMs)
  let isThere = (): void => {}
  const restored: bigint[] = []
  node.onRestart(async inner => {
    // What brings it there speaks to it already.
    restored.push((await inner.engine.block('latest'))!.number)
    await new Promise<void>(resolve => {
      isThere = resolve
    })
  })
  expect((await node.engine.block('latest'))!.number).toBe(1n)
  ends[0]!()
  await settle()
  expect(node.down).toMatch(/a program has ended/)
  await expect(node.engine.block('latest')).rejects.toMatchObject({ code: 'ENGINE_ENDED', recovery: 'retry' })
  expect(restored).toEqual([2n])
  isThere()
  await settle()
  expect(node.down).toBeUndefined()
  expect((await node.engine.block('latest'))!.number).toBe(2n)
  await node.close()
})

it('is given up when its program ends again and again, and not when it was ended here', async () => {
  const { ends, start } = programs()
  const outcomes: unknown[] = []
  const node = await openEngine(start, silenceMs)
  node.failed.catch(error => outcomes.push(error))
  await node.forget()
  for (let end = 1; end <= 6; end++) {
    expect(outcomes).toEqual([])
    ends.at(-1)!()
    await settle()
  }
  expect(outcomes).toEqual([expect.objectContaining({ code: 'ENGINE_ENDED' })])
  const closed = await openEngine(start, silenceMs)
  closed.failed.catch(error => outcomes.push(error))
  await closed.close()
  await settle()
  expect(outcomes).toHaveLength(1)
})

it('is ended and started again when its program hangs', async () => {
  // The first one never answers.
  const { start } = programs(place => (place === 1 ? new Promise(() => {}) : Promise.resolve()))
  const node = await openEngine(start, 100)
  const reasons: (string | undefined)[] = []
  node.onDown(() => reasons.push(node.down))
  while (reasons.length < 2) await new Promise(resolve => setTimeout(resolve, 10))
  expect(reasons).toEqual(['a program has not answered for 0.1 s and was ended, and is started again', undefined])
  expect((await node.engine.block('latest'))!.number).toBe(2n)
  await node.close()
})
