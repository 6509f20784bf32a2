import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Timeline } from './timeline.js'

type Entry = { epoch: bigint; value: number }

/** The same, on a list that is copied. */
function added(list: readonly Entry[], entry: Entry): Entry[] {
  return [...(list.at(-1)?.epoch === entry.epoch ? list.slice(0, -1) : list), entry]
}

it('is a list of epochs of which every version stays as it was, whichever of them is continued', () => {
  const step = fc.record({
    /** Which of the versions so far is continued: mostly the last. */
    from: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(20) }),
    later: fc.bigInt(0n, 2n),
    forget: fc.option(fc.bigInt(0n, 6n)),
    value: fc.nat(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), steps => {
      const versions: [Timeline<Entry>, Entry[]][] = [[Timeline.of<Entry>(), []]]
      for (const { from, later, forget, value } of steps) {
        let [timeline, list] = versions[Math.max(0, versions.length - 1 - from)]!
        const epoch = (list.at(-1)?.epoch ?? 0n) + later
        if (forget !== null) {
          const horizon = epoch - forget
          timeline = timeline.forget(next => next.epoch <= horizon)
          while ((list[1]?.epoch ?? epoch + 1n) <= horizon) list = list.slice(1)
        }
        versions.push([timeline.add({ epoch, value }), added(list, { epoch, value })])
      }
      for (const [timeline, list] of versions) {
        expect(timeline.toArray()).toEqual(list)
        expect([timeline.length, timeline.oldest, timeline.newest]).toEqual([list.length, list[0], list.at(-1)])
        for (let epoch = -1n; epoch <= (list.at(-1)?.epoch ?? 0n) + 1n; epoch += 3n) {
          expect(timeline.at(epoch)).toEqual(list.filter(entry => entry.epoch <= epoch).at(-1))
        }
        expect(Timeline.of(list).toArray()).toEqual(list)
      }
    }),
  )
})
