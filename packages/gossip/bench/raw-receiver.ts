// The physical limit: takes messages, length first, from one plain TCP connection, and says when each has arrived.
import { createServer } from 'node:net'

const server = createServer(socket => {
  let wanted: number | undefined
  let have = 0
  let head = Buffer.alloc(0)
  const take = (bytes: Buffer): void => {
    let rest = bytes
    while (rest.length > 0) {
      if (wanted === undefined) {
        head = Buffer.concat([head, rest])
        if (head.length < 4) return
        wanted = head.readUInt32BE(0)
        rest = head.subarray(4)
        head = Buffer.alloc(0)
        have = 0
      }
      const part = Math.min(rest.length, wanted - have)
      have += part
      rest = rest.subarray(part)
      if (have < wanted) return
      wanted = undefined
      process.send?.({ type: 'arrived', atMs: performance.timeOrigin + performance.now() })
    }
  }
  socket.on('data', take)
})
server.listen(0, '127.0.0.1', () => process.send?.({ type: 'listening', address: server.address() }))
process.on('disconnect', () => process.exit(0))
