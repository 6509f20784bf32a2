import { isL2Error } from '@l2/common'
import { runs, testSeed } from '@l2/common/testing'
import fc from 'fast-check'
import type { Address, Hash } from 'viem'
import { describe, expect, it } from 'vitest'
import { fakeTransaction, testAddress } from '../mempool/testdata/fake.js'
import {
  type AccessSet,
  accessFromBlockAccessList,
  accessFromTrace,
  accessFromTransaction,
  type BlockAccessAccount,
} from './access.js'
import {
  buildConflictGraph,
  conflictAwareOrder,
  criticalPath,
  hotSlots,
  scheduleLanes,
  toConflictJson,
} from './graph.js'

const word = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`
const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 4 })
const sets: fc.Arbitrary<AccessSet[]> = fc
  .array(fc.record({ gas: fc.bigInt(1n, 50n), reads: names, writes: names }), { maxLength: 24 })
  .map(list =>
    list.map(({ gas, reads, writes }, i) => ({ hash: word(i), gas, reads: new Set(reads), writes: new Set(writes) })),
  )

/** A toy executor: each transaction writes a value that depends on all it has read. */
function execute(
  list: readonly AccessSet[],
  order: readonly number[],
  versionsAt: (index: number, name: string) => string,
): Map<string, string> {
  const written = new Map<string, string>()
  for (const index of order)
    for (const name of list[index]!.writes)
      written.set(
        `${index}/${name}`,
        `${index}(${[...list[index]!.reads].map(read => versionsAt(index, read)).join(',')})`,
      )
  return written
}

describe('buildConflictGraph', () => {
  it('lets lanes run and gives what one after the other gives', () => {
    fc.assert(
      fc.property(sets, fc.integer({ min: 1, max: 5 }), (list, workers) => {
        const graph = buildConflictGraph(list)
        const { lanes, startGas, makespanGas } = scheduleLanes(graph, workers)
        const { gas, totalGas, path } = criticalPath(graph)
        // Every transaction once.
        expect(lanes.flat().sort((a, b) => a - b)).toEqual(list.map((_, i) => i))
        // Nobody begins before what it depends on has ended, and no worker does two things at once.
        for (const [index, { after }] of graph.nodes.entries())
          for (const before of after) expect(startGas[index]! >= startGas[before]! + list[before]!.gas).toBe(true)
        for (const lane of lanes)
          for (let i = 1; i < lane.length; i++)
            expect(startGas[lane[i]!]! >= startGas[lane[i - 1]!]! + list[lane[i - 1]!]!.gas).toBe(true)
        // Executed by start time with versions, each read finds the value that the serial run gives it.
        const versions = new Map<string, string>()
        const value = (index: number, name: string): string => {
          for (let i = index - 1; i >= 0; i--)
            if (list[i]!.writes.has(name)) return versions.get(`${i}/${name}`) ?? 'missing'
          return 'start'
        }
        const byStart = list
          .map((_, i) => i)
          .sort((a, b) => (startGas[a]! < startGas[b]! ? -1 : startGas[a]! > startGas[b]! ? 1 : a - b))
        for (const index of byStart) for (const [key, each] of execute(list, [index], value)) versions.set(key, each)
        expect([...versions.values()].some(each => each.includes('missing'))).toBe(false)
        // Graham's bounds.
        expect(makespanGas >= gas && makespanGas * BigInt(workers) >= totalGas).toBe(true)
        expect(makespanGas * BigInt(workers) <= totalGas + gas * BigInt(workers - 1)).toBe(true)
        expect(path.reduce((sum, i) => sum + list[i]!.gas, 0n)).toBe(gas)
        for (let i = 1; i < path.length; i++) expect(graph.nodes[path[i]!]!.after).toContain(path[i - 1])
      }),
      { numRuns: runs({ suite: 300, soak: 6_000 }), seed: testSeed() },
    )
  })

  it('is serial where all conflict, and as wide as there are workers where none do', () => {
    const same = Array.from(
      { length: 10 },
      (_, i): AccessSet => ({ hash: word(i), gas: 10n, reads: new Set(['x']), writes: new Set(['x']) }),
    )
    const apart = same.map((set, i) => ({ ...set, reads: new Set([`${i}`]), writes: new Set([`${i}`]) }))
    expect(scheduleLanes(buildConflictGraph(same), 5).makespanGas).toBe(100n)
    expect(scheduleLanes(buildConflictGraph(apart), 5).makespanGas).toBe(20n)
    expect(hotSlots(same)).toEqual([{ name: 'x', readers: 10, writers: 10, gas: 100n }])
    expect(hotSlots(apart)).toEqual([])
    expect(criticalPath(buildConflictGraph([]))).toEqual({ path: [], gas: 0n, totalGas: 0n })
    const blind = same.map(set => ({ ...set, reads: new Set<string>() }))
    expect(criticalPath(buildConflictGraph(blind)).gas).toBe(10n)
    expect(() => scheduleLanes(buildConflictGraph(same), 0)).toThrow()
  })

  it('exports as JSON', () => {
    const list = [0, 1].map(
      (i): AccessSet => ({ hash: word(i), gas: 10n, reads: new Set(['x']), writes: new Set(['x']) }),
    )
    expect(JSON.parse(JSON.stringify(toConflictJson(list, 2)))).toMatchObject({
      transactions: [{ after: [] }, { after: [0] }],
      criticalPath: { path: [0, 1], gas: '20', totalGas: '20' },
      schedule: { lanes: [[0], [1]], makespanGas: '20' },
      hotSlots: [{ name: 'x', gas: '20' }],
    })
  })
})

describe('conflictAwareOrder', () => {
  it('moves only inside groups, never a sender’s own, and never for the worse', () => {
    fc.assert(
      fc.property(sets, fc.infiniteStream(fc.nat(2)), fc.infiniteStream(fc.nat(5)), (list, steps, who) => {
        let group = 0
        const groups = list.map(() => (group += steps.next().value === 0 ? 1 : 0))
        const senders = list.map(() => `${who.next().value}`)
        const order = conflictAwareOrder(list, groups, senders)
        expect([...order].sort((a, b) => a - b)).toEqual(list.map((_, i) => i))
        expect(order.map(i => groups[i])).toEqual(groups)
        for (const sender of new Set(senders)) {
          const own = order.filter(i => senders[i] === sender)
          expect(own).toEqual([...own].sort((a, b) => a - b))
        }
        const before = criticalPath(buildConflictGraph(list)).gas
        expect(criticalPath(buildConflictGraph(order.map(i => list[i]!))).gas <= before).toBe(true)
      }),
      { numRuns: runs({ suite: 300, soak: 6_000 }), seed: testSeed() },
    )
  })
})

describe('access readers', () => {
  it('reads what a transaction declares', () => {
    const transaction = fakeTransaction({
      sender: testAddress(1),
      nonce: 0n,
      value: 1n,
      accessList: [
        { address: testAddress(2), storageKeys: [word(5)] },
        { address: testAddress(3), storageKeys: [] },
      ],
    })
    const { writes } = accessFromTransaction(transaction, { commutative: [testAddress(3)] })
    expect([...writes].sort()).toEqual([testAddress(1), transaction.to, `${testAddress(2)}/5`].sort())
  })

  it('reads a traced difference: changed, cleared and only read', () => {
    const [a, b, c] = [testAddress(1), testAddress(2), testAddress(3)] as [Address, Address, Address]
    const set = accessFromTrace({
      hash: word(1),
      gasUsed: 5n,
      diff: {
        pre: {
          [a]: { balance: '0x5', nonce: 1 },
          [b]: { storage: { [word(1)]: word(9), [word(2)]: word(9) } },
          [c]: { balance: '0x1' },
        },
        post: { [a]: { balance: '0x4', nonce: 2 }, [b]: { storage: { [word(1)]: word(8) } } },
      },
      reads: { [b]: { storage: { [word(7)]: word(0) } } },
    })
    expect([...set.writes].sort()).toEqual([a, c, `${b}/1`, `${b}/2`].sort())
    expect(set.reads.has(`${b}/7`)).toBe(true)
    expect(() => accessFromTrace({ hash: word(1), gasUsed: 0n, diff: undefined as never })).toThrow()
  })

  it('finds by a block access list at least every true dependency', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ reads: fc.uniqueArray(fc.nat(5)), writes: fc.uniqueArray(fc.nat(5)) }), { maxLength: 12 }),
        blocks => {
          const address = testAddress(9)
          const written = [...new Set(blocks.flatMap(({ writes }) => writes))]
          const account: BlockAccessAccount = {
            address,
            storageChanges: written.map(slot => ({
              slot: word(slot),
              changes: blocks.flatMap(({ writes }, i) => (writes.includes(slot) ? [{ index: i + 1 }] : [])),
            })),
            storageReads: [...new Set(blocks.flatMap(({ reads }) => reads))]
              .filter(slot => !written.includes(slot))
              .map(word),
            balanceChanges: [],
            nonceChanges: [],
            codeChanges: [],
          }
          const transactions = blocks.map(({ reads }, i) => ({
            hash: word(i),
            gasUsed: 1n,
            touches: reads.length > 0 ? [address] : [],
          }))
          const found = buildConflictGraph(accessFromBlockAccessList([account], transactions))
          const truth = buildConflictGraph(
            blocks.map(({ reads, writes }, i) => ({
              hash: word(i),
              gas: 1n,
              reads: new Set(reads.map(String)),
              writes: new Set(writes.map(String)),
            })),
          )
          for (const [index, { after }] of truth.nodes.entries())
            for (const before of after) expect(found.nodes[index]!.after).toContain(before)
        },
      ),
      { seed: testSeed() },
    )
    const wrong: BlockAccessAccount = {
      address: testAddress(1),
      storageChanges: [],
      storageReads: [],
      balanceChanges: [{ index: 5 }],
      nonceChanges: [],
      codeChanges: [],
    }
    try {
      accessFromBlockAccessList([wrong], [])
      expect.unreachable()
    } catch (error) {
      expect(isL2Error(error, 'ACCESS_INVALID')).toBe(true)
    }
  })
})
