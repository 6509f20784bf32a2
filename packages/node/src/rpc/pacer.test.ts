import { expect, it } from 'vitest'
import { createPacer } from './pacer.js'

it('lets so many through in a turn, in their order, and whoever does not press at once', async () => {
  const enter = createPacer(2)
  const entered: number[] = []
  const all = Array.from({ length: 7 }, (_, index) => enter().then(() => entered.push(index)))
  const counts: number[] = []
  while (entered.length < 7) {
    await new Promise(setImmediate)
    counts.push(entered.length)
  }
  await Promise.all(all)
  expect(entered).toEqual([0, 1, 2, 3, 4, 5, 6])
  for (const [index, count] of counts.entries()) expect(count - (counts[index - 1] ?? 2)).toBeLessThanOrEqual(2)
  await new Promise(setImmediate)
  let isIn = false
  void enter().then(() => {
    isIn = true
  })
  await Promise.resolve()
  expect(isIn).toBe(true)
})
