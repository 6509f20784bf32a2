import { expect, it } from 'vitest'
import { createActivity } from './activity.js'

it('counts the last ten seconds, and of a young node as many as it has run', () => {
  let nowMs = 0
  const activity = createActivity(() => nowMs)
  activity.block(10)
  expect(activity.perSecond()).toBe(10)
  nowMs = 5000
  activity.block(10)
  expect(activity.perSecond()).toBe(4)
  nowMs = 12_000
  expect(activity.perSecond()).toBe(1)
  nowMs = 20_000
  expect(activity.perSecond()).toBe(0)
})
