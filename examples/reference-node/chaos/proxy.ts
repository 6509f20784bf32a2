import { connect, createServer, type Server, type Socket } from 'node:net'

/** A one-way address of one operator for another: what goes through it can be held up or cut. */
export type Link = {
  readonly from: number
  readonly to: number
  readonly port: number
}

/** Every way between operators, each through a port of its own on 127.0.0.1. */
export type Links = {
  /** Opens a way to an address; bytes pass as they come. */
  open(from: number, to: number, target: { host: string; port: number }): Promise<Link>
  /** Cuts both directions between an operator and all others: connections end, and new ones are refused. */
  isolate(operator: number): void
  /** Nothing of what an operator says or is told comes, and nobody is told so: connections stay. */
  hush(operator: number): void
  /** Bytes come so many milliseconds late, both ways. */
  delay(ms: number): void
  /** No operator is cut off, nothing is late, and what was held comes. */
  heal(): void
  close(): Promise<void>
}

const maxPendingBytes = 4 << 20

export function createLinks(): Links {
  const servers: Server[] = []
  const sockets = new Map<Socket, Link>()
  const cut = new Set<number>()
  const hushed = new Set<number>()
  let held: (() => void)[] = []
  let lateMs = 0
  const isCut = ({ from, to }: Pick<Link, 'from' | 'to'>): boolean => cut.has(from) || cut.has(to)
  const isHushed = ({ from, to }: Pick<Link, 'from' | 'to'>): boolean => hushed.has(from) || hushed.has(to)

  /** Hands bytes on in their order, late by what holds when they come; what is on its way stays below a bound. */
  function pipe(a: Socket, b: Socket, way: Pick<Link, 'from' | 'to'>): void {
    const queue: Buffer[] = []
    let lastDue = 0
    let pending = 0
    a.on('data', bytes => {
      const due = Math.max(lastDue, performance.now() + lateMs)
      lastDue = due
      pending += bytes.length
      if (pending > maxPendingBytes) a.pause()
      queue.push(bytes)
      const hand = (): void => {
        // Whichever timer comes first, the oldest piece goes.
        const next = queue.shift()!
        pending -= next.length
        if (pending <= maxPendingBytes) a.resume()
        if (!b.destroyed) b.write(next)
      }
      setTimeout(() => {
        if (isHushed(way)) held.push(hand)
        else hand()
      }, due - performance.now())
    })
    a.on('close', () => {
      if (isHushed(way)) held.push(() => b.destroy())
      else setTimeout(() => b.destroy(), lateMs)
    })
    a.on('error', () => b.destroy())
  }

  return {
    async open(from, to, target) {
      const way = { from, to }
      const server = createServer(near => {
        if (isCut(way)) return void near.destroy()
        const far = connect(target.port, target.host)
        for (const socket of [near, far]) {
          sockets.set(socket, link)
          socket.once('close', () => sockets.delete(socket))
        }
        pipe(near, far, way)
        pipe(far, near, way)
      })
      await new Promise<void>((done, failed) => server.once('error', failed).listen(0, '127.0.0.1', done))
      servers.push(server)
      const address = server.address()
      const link: Link = { ...way, port: typeof address === 'object' && address !== null ? address.port : 0 }
      return link
    },
    isolate(operator) {
      cut.add(operator)
      for (const [socket, link] of sockets) if (isCut(link)) socket.destroy()
    },
    delay(ms) {
      lateMs = ms
    },
    hush(operator) {
      hushed.add(operator)
    },
    heal() {
      cut.clear()
      hushed.clear()
      lateMs = 0
      const due = held
      held = []
      for (const hand of due) hand()
    },
    async close() {
      for (const socket of sockets.keys()) socket.destroy()
      await Promise.all(servers.map(server => new Promise(done => server.close(done))))
    },
  }
}
