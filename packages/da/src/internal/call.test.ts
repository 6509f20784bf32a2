import { expect, it } from 'vitest'
import { withDeadline } from './call.js'

it('withDeadline: any number of calls share one listener on their signal, and each ends by itself', async () => {
  const controller = new AbortController()
  const { signal } = controller
  let listeners = 0
  const add = signal.addEventListener.bind(signal)
  signal.addEventListener = ((...args: Parameters<typeof add>) => {
    listeners++
    add(...args)
  }) as typeof signal.addEventListener
  const done = await Promise.all(
    Array.from({ length: 50 }, (_, index) => withDeadline('call', { signal }, 5000, async () => index)),
  )
  expect(done).toHaveLength(50)
  const stopped = Array.from({ length: 50 }, () =>
    withDeadline('call', { signal }, 5000, () => new Promise<never>(() => {})).catch((reason: unknown) => reason),
  )
  const reason = new Error('enough')
  controller.abort(reason)
  for (const outcome of await Promise.all(stopped)) expect(outcome).toBe(reason)
  expect(listeners).toBe(1)
  await expect(withDeadline('call', { signal }, 5000, async () => 1)).rejects.toBe(reason)
})
