import type { Hex } from 'viem'
import type { GossipTransport, TransportHandlers } from '../core/transport.js'

/** What goes wrong on the way; everything is off by default. */
export type MemoryFaults = {
  /** Share of messages, requests and answers that are lost, 0 … 1. */
  dropShare: number
  /** Share of headers that arrive twice, 0 … 1. */
  duplicateShare: number
  /** Each message takes at least so long, milliseconds. */
  minDelayMs: number
  /** … and at most so long; what is sent later may so arrive earlier. */
  maxDelayMs: number
}

export const noFaults: MemoryFaults = { dropShare: 0, duplicateShare: 0, minDelayMs: 0, maxDelayMs: 0 }

/** A network in which bytes move between objects of one process. */
export type MemoryHub = {
  attach(self: Hex, handlers: TransportHandlers): GossipTransport
  setFaults(faults: Partial<MemoryFaults>): void
  /** Those who stand in different groups do not reach each other; who stands in none reaches nobody. `undefined` heals. */
  partition(groups: readonly (readonly Hex[])[] | undefined): void
}

type Message = { readonly bytes: Uint8Array; readonly publisher: Hex }
type Node = { readonly handlers: TransportHandlers; readonly seen: WeakSet<Message>; readonly timers: Set<Cancel> }
type Cancel = () => void

/** @param random 0 … 1, from a seed where a run has to be the same again */
export function createMemoryHub(random: () => number): MemoryHub {
  const nodes = new Map<Hex, Node>()
  let faults = noFaults
  let groups: readonly (readonly Hex[])[] | undefined

  const reaches = (a: Hex, b: Hex): boolean => {
    if (groups !== undefined && !groups.some(group => group.includes(a) && group.includes(b))) return false
    return (nodes.get(a)?.handlers.isAllowed(b) && nodes.get(b)?.handlers.isAllowed(a)) ?? false
  }
  /** After the delay; never when it is lost, or when the node that waits for it ends first. */
  const later = (owner: Node, task: () => void): void => {
    if (random() < faults.dropShare) return
    const ms = faults.minDelayMs + random() * (faults.maxDelayMs - faults.minDelayMs)
    const timer = setTimeout(() => {
      owner.timers.delete(cancel)
      task()
    }, ms)
    const cancel: Cancel = () => clearTimeout(timer)
    owner.timers.add(cancel)
  }
  const deliver = async (message: Message, from: Hex, to: Hex): Promise<void> => {
    const node = nodes.get(to)
    if (node === undefined || !reaches(from, to)) return
    if (message.bytes.length > node.handlers.maxBroadcastBytes) return node.handlers.onGarbage(from)
    node.seen.add(message)
    if ((await node.handlers.onBroadcast(message.bytes, message.publisher, from)) === 'accept') spread(message, to)
  }
  const spread = (message: Message, from: Hex): void => {
    for (const [to, node] of nodes) {
      if (to === from || to === message.publisher || node.seen.has(message) || !reaches(from, to)) continue
      const times = random() < faults.duplicateShare ? 2 : 1
      for (let time = 0; time < times; time++) later(node, () => void deliver(message, from, to))
    }
  }
  const ask = (from: Hex, to: Hex, request: Uint8Array, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> =>
    new Promise((resolve, reject) => {
      const [asker, asked] = [nodes.get(from), nodes.get(to)]
      if (asker === undefined || asked === undefined || !reaches(from, to)) {
        return reject(new Error(`${to} cannot be reached`))
      }
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      if (request.length > asked.handlers.maxRequestBytes) return asked.handlers.onGarbage(from)
      const answer = async (): Promise<void> => {
        const bytes = await asked.handlers.onAsk(request.slice(), from)
        if (bytes === undefined) return reject(new Error(`${to} does not answer`))
        later(asker, () => {
          if (!reaches(from, to)) return
          if (bytes.length > maxBytes) asker.handlers.onGarbage(to)
          if (bytes.length > maxBytes) reject(new Error(`${to} answers too much`))
          else resolve(bytes)
        })
      }
      later(asked, () => void answer())
    })

  return {
    setFaults(next) {
      faults = { ...faults, ...next }
    },
    partition(next) {
      groups = next
    },
    attach(self, handlers) {
      const node: Node = { handlers, seen: new WeakSet(), timers: new Set() }
      nodes.set(self, node)
      return {
        self,
        broadcast: async bytes => spread({ bytes: bytes.slice(), publisher: self }, self),
        ask: (to, request, maxBytes, signal) => ask(self, to, request, maxBytes, signal),
        isConnected: to => reaches(self, to),
        // Connections are made of whether they are allowed, at every message.
        refresh: () => {},
        async close() {
          if (nodes.get(self) === node) nodes.delete(self)
          for (const cancel of node.timers) cancel()
          node.timers.clear()
        },
      }
    },
  }
}
