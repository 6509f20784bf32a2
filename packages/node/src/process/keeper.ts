// Keeps one child process alive for an owner and no longer: node keeper.js <socket> <linger ms> <binary> [arguments].
//
// The owner holds a connection to the socket. When it is gone, even by `kill -9`, the child is ended after the linger time unless an
// owner comes back: so a node that was killed finds its L1 where it was, and nothing stays behind when nobody returns.
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createServer } from 'node:net'

const [socket, linger, binary, ...args] = process.argv.slice(2)
if (socket === undefined || linger === undefined || binary === undefined) process.exit(2)

const child = spawn(binary, args, { stdio: 'ignore' })
const end = (): void => {
  child.kill('SIGTERM')
  setTimeout(() => child.kill('SIGKILL'), 10_000).unref()
}
child.on('error', () => process.exit(127))
child.on('exit', code => {
  rmSync(socket, { force: true })
  process.exit(code ?? 1)
})

let owners = 0
// The first owner connects at once: without it the child has no reason to run.
let timer: NodeJS.Timeout | undefined = setTimeout(end, 10_000)
const server = createServer(connection => {
  owners++
  clearTimeout(timer)
  connection.on('error', () => {})
  connection.on('data', data => {
    if (data.toString().includes('stop')) end()
  })
  connection.on('close', () => {
    owners--
    if (owners === 0) timer = setTimeout(end, Number(linger))
  })
})
rmSync(socket, { force: true })
server.listen(socket)

// Ctrl-C in a terminal is for the node, which stops its children in its own time.
process.on('SIGINT', () => {})
process.on('SIGTERM', end)
