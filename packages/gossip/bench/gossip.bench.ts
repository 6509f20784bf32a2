// pnpm bench gossip: four operators as programs of their own on this machine. How long a block takes from its leader to the other three, payload
// and all, over libp2p, against plain TCP connections that carry the same bytes to three programs in the same run; what goes over the wire
// for a transaction; memory.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleProgram } from '@l2/common/testing'
import { areConnected, startPeers } from '../test/peers.js'

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
const nowMs = (): number => performance.timeOrigin + performance.now()
const at = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]!
async function until(test: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 120_000
  while (!(await test())) {
    if (performance.now() > end) throw new Error('not within two minutes')
    await pause(5)
  }
}

const sizes = [
  { bytes: 1_000, count: 60 },
  { bytes: 100_000, count: 30 },
  { bytes: 1_000_000, count: 12 },
]
/** Transfers of a block, 115 bytes each, that nothing compresses. */
const transactions = 100

type Receiver = { child: ChildProcess; socket: Socket; arrived: number[] }
const folder = mkdtempSync(join(tmpdir(), 'l2-gossip-bench-'))
const receivers: Receiver[] = []
try {
  await using network = await startPeers(4)
  const { peers } = network
  await until(() => areConnected(peers))
  const [leader, ...followers] = peers as [(typeof peers)[0], ...typeof peers]
  const program = await bundleProgram(fileURLToPath(new URL('./raw-receiver.ts', import.meta.url)), folder)
  for (let index = 0; index < 3; index++) {
    const child = spawn(process.execPath, [program], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const [{ address }] = (await once(child, 'message')) as [{ address: AddressInfo }]
    const socket = connect({ port: address.port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    const arrived: number[] = []
    child.on('message', ({ atMs }: { atMs: number }) => arrived.push(atMs))
    receivers.push({ child, socket, arrived })
  }
  const status = () => Promise.all(peers.map(peer => peer.ask({ type: 'status' }, 'status')))
  const start = await status()
  let height = 0
  /** Milliseconds to each follower of one block. */
  const overGossip = async (bytes: number): Promise<number[]> => {
    const number = ++height
    const { atMs } = await leader.ask({ type: 'publish', height: number, bytes }, 'published')
    await until(() =>
      followers.every(({ reports }) => reports.some(one => one.type === 'heard' && one.height === number)),
    )
    return followers.flatMap(({ reports }) =>
      reports.flatMap(one => (one.type === 'heard' && one.height === number && one.isRight ? [one.atMs - atMs] : [])),
    )
  }
  const overTcp = async (bytes: number): Promise<number[]> => {
    const payload = randomBytes(bytes)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes)
    const before = receivers.map(({ arrived }) => arrived.length)
    const since = nowMs()
    for (const { socket } of receivers) {
      socket.write(length)
      socket.write(payload)
    }
    await until(() => receivers.every(({ arrived }, index) => arrived.length > before[index]!))
    return receivers.map(({ arrived }) => arrived.at(-1)! - since)
  }
  console.log('payload | libp2p p50, max | plain TCP p50, max | ratio of the medians')
  for (const { bytes, count } of sizes) {
    for (let warm = 0; warm < 5; warm++) await overGossip(bytes)
    const gossip: number[] = []
    const tcp: number[] = []
    // In turn, because the machine is not the same from one moment to the next.
    for (let time = 0; time < count; time++) {
      gossip.push(...(await overGossip(bytes)))
      tcp.push(...(await overTcp(bytes)))
    }
    const of = (values: readonly number[]): string => `${at(values, 0.5).toFixed(1)} ms, ${at(values, 1).toFixed(1)} ms`
    console.log(`${bytes} B | ${of(gossip)} | ${of(tcp)} | ${(at(gossip, 0.5) / at(tcp, 0.5)).toFixed(1)}`)
  }
  const wire = async (): Promise<number> => (await status()).reduce((sum, { wireBytes }) => sum + wireBytes, 0)
  await pause(2_000)
  let before = await wire()
  await pause(10_000)
  const idle = ((await wire()) - before) / 10
  console.log(`idle: ${Math.round(idle)} B/s over the wire, all four together`)
  for (const perBlock of [transactions, 10 * transactions]) {
    const blocks = 30
    before = await wire()
    const since = performance.now()
    for (let block = 0; block < blocks; block++) await overGossip(115 * perBlock)
    const spent = (await wire()) - before - (idle * (performance.now() - since)) / 1_000
    const each = spent / (blocks * perBlock)
    const least = 3 * 115
    console.log(
      `blocks of ${perBlock} transactions: ${each.toFixed(0)} B a transaction over the wire, all four together; ` +
        `${(each / least).toFixed(2)} × what three copies are`,
    )
  }
  const end = await status()
  const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`
  console.log(
    `memory: leader ${mib(start[0]!.rssBytes)} at its start, ${mib(end[0]!.rssBytes)} at the end; ` +
      `followers ${mib(start[1]!.rssBytes)} and ${mib(Math.max(...end.slice(1).map(({ rssBytes }) => rssBytes)))}`,
  )
} finally {
  for (const { child, socket } of receivers) {
    socket.destroy()
    child.kill('SIGKILL')
  }
  rmSync(folder, { recursive: true, force: true })
}
