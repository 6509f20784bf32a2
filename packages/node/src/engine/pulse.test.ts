import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { watchPulse } from './pulse.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const never = () => new Promise<never>(() => {})

it('tells once when nothing answers for the whole span, and not when an answer comes in between', async () => {
  const onSilent = vi.fn()
  let answer: () => Promise<unknown> = never
  const pulse = watchPulse(() => answer(), 5000, onSilent)
  await vi.advanceTimersByTimeAsync(3500)
  answer = async () => 'here'
  await vi.advanceTimersByTimeAsync(20_000)
  expect(onSilent).not.toHaveBeenCalled()
  answer = never
  await vi.advanceTimersByTimeAsync(3500)
  expect(onSilent).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(20_000)
  expect(onSilent).toHaveBeenCalledOnce()
  pulse.stop()
})

it('takes an error at once for no more than one missing answer', async () => {
  const onSilent = vi.fn()
  watchPulse(() => Promise.reject(new Error('refused')), 5000, onSilent)
  await vi.advanceTimersByTimeAsync(4500)
  expect(onSilent).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1000)
  expect(onSilent).toHaveBeenCalledOnce()
})

it('says nothing once it is stopped', async () => {
  const onSilent = vi.fn()
  const pulse = watchPulse(never, 5000, onSilent)
  await vi.advanceTimersByTimeAsync(4500)
  pulse.stop()
  await vi.advanceTimersByTimeAsync(20_000)
  expect(onSilent).not.toHaveBeenCalled()
})
