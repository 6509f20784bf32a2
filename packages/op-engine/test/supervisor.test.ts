import { silentLogger } from '@l2/common'
import { describe, expect, it } from 'vitest'
import { OpEngineError } from '../src/errors.js'
import type { Channel, ChannelEvents } from '../src/host/channel.js'
import { Supervisor } from '../src/host/supervisor.js'
import { decodeMessage, encodeMessage } from '../src/protocol/message.js'

type Behaviour = (id: number, method: string, events: ChannelEvents) => void

const answer = (id: number): Uint8Array => encodeMessage({ id, result: {} }, [])
const gone = new OpEngineError('gone', { code: 'ENGINE_CRASHED', recovery: 'retry' })

/** A supervisor over engines of which each next one does what the next behaviour says, and the last one what the last says. */
function supervise(...behaviours: Behaviour[]): Supervisor {
  let started = 0
  return new Supervisor({
    start: async (events): Promise<Channel> => {
      const behave = behaviours[Math.min(started++, behaviours.length - 1)]!
      return {
        send(message) {
          const { id, method } = decodeMessage(message).header as { id: number; method: string }
          setImmediate(() => behave(id, method, events))
        },
        hold() {},
        async close() {},
        async kill() {},
      }
    },
    open: { params: {}, bytes: [] },
    limits: { build: 1, read: 1 },
    killsOverdue: true,
    buildTimeoutMs: 50,
    logger: silentLogger,
  })
}
const sound: Behaviour = (id, _, events) => events.onMessage(answer(id), undefined, false)
const ask = (supervisor: Supervisor) => supervisor.call({ method: 'block', params: {}, lane: 'build' })

describe('a supervised engine', () => {
  it('that ends in the same breath as it opens is not sent anything', async () => {
    const supervisor = supervise((id, _, events) => {
      events.onMessage(answer(id), undefined, false)
      events.onEnd(gone)
    }, sound)
    await expect(ask(supervisor)).rejects.toMatchObject({ code: 'ENGINE_CRASHED' })
    await expect(ask(supervisor)).resolves.toMatchObject({ result: {} })
    await supervisor.close()
  })

  it('whose last answer cannot be read is replaced by one that is heard', async () => {
    const supervisor = supervise((id, method, events) => {
      if (method === 'open') events.onMessage(answer(id), undefined, false)
      else events.onMessage(Uint8Array.of(1), undefined, true)
    }, sound)
    const [first, second] = [ask(supervisor), ask(supervisor)]
    await expect(first).rejects.toMatchObject({ code: 'ENGINE_RPC' })
    await expect(second).resolves.toMatchObject({ result: {} })
    await supervisor.close()
  })

  it('that hangs over a block is replaced, and the block given up when it does so twice', async () => {
    const hangs: Behaviour = (id, method, events) => {
      if (method === 'open') events.onMessage(answer(id), undefined, false)
    }
    const supervisor = supervise(hangs, hangs, sound)
    const [first, waiting] = [ask(supervisor), supervisor.call({ method: 'setHead', params: {}, lane: 'build' })]
    await expect(first).rejects.toMatchObject({ code: 'ENGINE_TIMEOUT', recovery: 'retry' })
    // The next in line meets the second engine; the same request again would be the first that ends one twice.
    await expect(waiting).rejects.toMatchObject({ code: 'ENGINE_TIMEOUT', recovery: 'retry' })
    await expect(ask(supervisor)).resolves.toMatchObject({ result: {} })
    await supervisor.close()

    const hopeless = supervise(hangs)
    await expect(ask(hopeless)).rejects.toMatchObject({ code: 'ENGINE_TIMEOUT', recovery: 'retry' })
    await expect(ask(hopeless)).rejects.toMatchObject({ code: 'ENGINE_TIMEOUT', recovery: 'abort' })
    await hopeless.close()
  })

  it('that hangs over a block is replaced though its caller has gone', async () => {
    const supervisor = supervise((id, method, events) => {
      if (method === 'open') events.onMessage(answer(id), undefined, false)
    }, sound)
    await supervisor.ready()
    const controller = new AbortController()
    const gone = supervisor.call({ method: 'build', params: {}, lane: 'build', signal: controller.signal })
    const next = ask(supervisor)
    controller.abort(new Error('enough'))
    await expect(gone).rejects.toThrow('enough')
    await expect(next).resolves.toMatchObject({ result: {} })
    await supervisor.close()
  })
})
