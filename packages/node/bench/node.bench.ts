// The node beside a bare anvil: the same generator, the same signed transfers, one after the other in one run.
//
//   pnpm bench node        L2_BENCH_SECONDS=20 for each measurement; the reference node must be built
//
// Sustained: as fast as answers come, one request in flight on each connection, 4,000 transactions waiting at most. Half load: the node at half of what
// it sustained. CPU is user and system time of the node's main process, from /proc: Linux only.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect, type Socket } from 'node:net'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { anvilBinary } from '@l2/sequencer-core/node'
import { type Hex, hexToBytes, keccak256, serializeTransaction, toHex } from 'viem'
import { mnemonicToAccount, privateKeyToAccount } from 'viem/accounts'

const chainId = 59_900
const seconds = Number(process.env['L2_BENCH_SECONDS'] ?? 20)
const accounts = 400
const maxWaiting = 4000
const example = fileURLToPath(new URL('../../../examples/reference-node/', import.meta.url))
const secp256k1 = createRequire(`${example}package.json`)('secp256k1') as {
  ecdsaSign(hash: Uint8Array, key: Uint8Array): { signature: Uint8Array; recid: number }
}
const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** One keep-alive connection, one request at a time. */
class Connection {
  readonly #socket: Socket
  readonly #port: number
  #held = ''
  #answer: (body: string) => void = () => {}

  constructor(port: number) {
    this.#port = port
    this.#socket = connect(port, '127.0.0.1').setNoDelay(true).setEncoding('latin1')
    this.#socket.on('data', data => {
      this.#held += String(data)
      const end = this.#held.indexOf('\r\n\r\n')
      const length = /content-length: (\d+)/i.exec(this.#held.slice(0, end + 2))?.[1]
      if (end < 0 || length === undefined || this.#held.length < end + 4 + Number(length)) return
      const body = this.#held.slice(end + 4)
      this.#held = ''
      this.#answer(body)
    })
  }

  post(body: string): Promise<string> {
    return new Promise(resolve => {
      this.#answer = resolve
      this.#socket.write(
        `POST / HTTP/1.1\r\nhost: 127.0.0.1:${this.#port}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      )
    })
  }

  async call<T>(method: string, params: readonly unknown[]): Promise<T> {
    const { result, error } = JSON.parse(
      await this.post(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })),
    ) as { result: T; error?: { message: string } }
    if (error !== undefined) throw new Error(`${method}: ${error.message}`)
    return result
  }

  close(): void {
    this.#socket.destroy()
  }
}

type Signed = { readonly raw: Hex; readonly hash: Hex }

function sign(key: Uint8Array, nonce: number, to: Hex, value: bigint): Signed {
  const fees = { maxFeePerGas: 2_000n * 10n ** 9n, maxPriorityFeePerGas: 10n ** 9n }
  const transaction = { type: 'eip1559', chainId, nonce, to, value, gas: 21_000n, ...fees } as const
  const { signature, recid } = secp256k1.ecdsaSign(keccak256(serializeTransaction(transaction), 'bytes'), key)
  const [r, s] = [toHex(signature.subarray(0, 32)), toHex(signature.subarray(32))]
  const raw = serializeTransaction(transaction, { r, s, yParity: recid })
  return { raw, hash: keccak256(raw) }
}

const keys = Array.from({ length: accounts }, (_, index) => hexToBytes(keccak256(toHex(`bench account ${index}`))))
const addresses = keys.map(key => privateKeyToAccount(toHex(key)).address)

/** Gives every account of the bench something to spend. */
async function fund(port: number): Promise<void> {
  const connection = new Connection(port)
  const mnemonic = 'test test test test test test test test test test test junk'
  const rich = Array.from({ length: 5 }, (_, addressIndex) => mnemonicToAccount(mnemonic, { addressIndex }))
  const nonces = rich.map(() => 0)
  for (const [index, address] of addresses.entries()) {
    const from = index % rich.length
    const key = rich[from]!.getHdKey().privateKey!
    const { raw } = sign(key, nonces[from]!++, address, 50n * 10n ** 18n)
    await connection.call('eth_sendRawTransaction', [raw])
  }
  const last = addresses.at(-1)!
  while (BigInt(await connection.call<Hex>('eth_getBalance', [last, 'latest'])) === 0n) await sleep(200)
  connection.close()
}

/** CPU seconds of a process. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

type Result = {
  perSecond: number
  ackP50Ms: number
  ackP99Ms: number
  includedP50Ms: number
  cpuMs: number
  refused: number
}

/** Sends for {@link seconds}: as fast as answers come, or `rate` a second. */
async function measure(
  target: { port: number; pid: number },
  transactions: Iterator<Signed>,
  connections: number,
  rate: number | undefined,
): Promise<Result> {
  const sentAt = new Map<string, number>()
  const acks: number[] = []
  const inclusions: number[] = []
  let sent = 0
  let refused = 0
  let stopped = false
  const reader = new Connection(target.port)
  let head = Number(await reader.call<Hex>('eth_blockNumber', []))
  const startedMs = performance.now()
  const startedCpu = cpuSeconds(target.pid)
  const endMs = startedMs + seconds * 1000
  const includedAt: number[] = []
  const watching = (async () => {
    while (!stopped) {
      const latest = Number(await reader.call<Hex>('eth_blockNumber', []))
      while (head < latest) {
        const block = await reader.call<{ transactions: string[] } | null>('eth_getBlockByNumber', [
          toHex(head + 1),
          false,
        ])
        if (block === null) break
        head++
        const nowMs = performance.now()
        for (const hash of block.transactions) {
          const at = sentAt.get(hash)
          if (at === undefined) continue
          sentAt.delete(hash)
          inclusions.push(nowMs - at)
          includedAt.push(nowMs)
        }
      }
      await sleep(50)
    }
  })()
  const worker = async (): Promise<void> => {
    const connection = new Connection(target.port)
    while (performance.now() < endMs) {
      if (rate === undefined ? sentAt.size >= maxWaiting : sent / rate > (performance.now() - startedMs) / 1000) {
        await sleep(2)
        continue
      }
      const next = transactions.next()
      if (next.done === true) throw new Error('not enough transactions were signed')
      const { raw, hash } = next.value
      sent++
      const at = performance.now()
      sentAt.set(hash, at)
      const answer = await connection.post(
        `{"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":["${raw}"]}`,
      )
      acks.push(performance.now() - at)
      if (answer.includes('"error"')) {
        refused++
        sentAt.delete(hash)
      }
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: connections }, worker))
  const sentMs = performance.now()
  for (const until = sentMs + 15_000; sentAt.size > 0 && performance.now() < until; ) await sleep(50)
  const cpu = cpuSeconds(target.pid) - startedCpu
  stopped = true
  await watching
  reader.close()
  const at = (values: number[], share: number): number =>
    [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))] ?? Number.NaN
  // Without the first quarter, in which the pool fills.
  const fromMs = startedMs + (sentMs - startedMs) / 4
  const steady = includedAt.filter(ms => ms > fromMs && ms <= sentMs).length
  return {
    perSecond: steady / ((sentMs - fromMs) / 1000),
    ackP50Ms: at(acks, 0.5),
    ackP99Ms: at(acks, 0.99),
    includedP50Ms: at(inclusions, 0.5),
    cpuMs: (cpu * 1000) / Math.max(1, inclusions.length),
    refused,
  }
}

/** Signed as they are asked for, so that no run waits for another's; each account in turn. */
function* transfers(): Generator<Signed> {
  for (let nonce = 0; ; nonce++) {
    for (const [index, key] of keys.entries()) yield sign(key, nonce, addresses[(index + 7) % accounts]!, 1n)
  }
}

type Target = { name: string; port: number; pid: number; transactions: Iterator<Signed>; stop(): Promise<void> }

async function started(name: string, child: ChildProcess, ready: RegExp): Promise<Target> {
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const port = await new Promise<number>((resolve, reject) => {
    void ended.then(() => reject(new Error(`${name} ended`)))
    createInterface({ input: child.stdout! }).on('line', line => {
      const match = ready.exec(line)
      if (match !== null) resolve(Number(match[1]))
    })
  })
  await fund(port)
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
  }
  return { name, port, pid: child.pid!, transactions: transfers(), stop }
}

const directory = mkdtempSync(join(tmpdir(), 'l2-bench-node-'))
const options: SpawnOptions = { stdio: ['ignore', 'pipe', 'ignore'] }
const anvilArgs = ['--port', '0', '--chain-id', String(chainId), '--block-time', '1', '--gas-limit', '30000000']
const anvil = await started(
  'anvil',
  spawn(anvilBinary(import.meta.url)!, [...anvilArgs, '--no-request-size-limit'], options),
  /Listening on 127\.0\.0\.1:(\d+)/,
)
const node = await started(
  'node',
  spawn(process.execPath, [`${example}dist/main.js`, '--port', '0', '--data', directory, '--json'], options),
  /JSON-RPC at http:\/\/127\.0\.0\.1:(\d+)/,
)
const shown = (value: number, digits = 0): string => value.toFixed(digits).padStart(8)
console.log(
  `transfers, blocks of a second and 30,000,000 gas; ${seconds} s each; milliseconds; load ${loadavg()[0]!.toFixed(1)} at the start`,
)
console.log('connections                 tx/s  ack p50  ack p99 included  CPU a tx  refused')
const row = (label: string, { perSecond, ackP50Ms, ackP99Ms, includedP50Ms, cpuMs, refused }: Result): void =>
  console.log(
    `${label.padEnd(24)}${shown(perSecond)} ${shown(ackP50Ms)} ${shown(ackP99Ms)} ${shown(includedP50Ms)}  ${shown(cpuMs, 2)} ${shown(refused)}`,
  )
try {
  for (const connections of [32, 256]) {
    const bare = await measure(anvil, anvil.transactions, connections, undefined)
    row(`${connections}, anvil`, bare)
    const full = await measure(node, node.transactions, connections, undefined)
    row(`${connections}, node`, full)
    const half = await measure(node, node.transactions, connections, full.perSecond / 2)
    row(`${connections}, node, half load`, half)
    const ratio = full.perSecond / bare.perSecond
    console.log(
      `${connections}: ${ratio.toFixed(2)} of anvil (goal 0.5); half load p99 ${half.ackP99Ms.toFixed(0)} ms (goal 250); ${full.cpuMs.toFixed(2)} ms CPU a transaction (goal 1); load ${loadavg()[0]!.toFixed(1)}`,
    )
  }
} finally {
  await node.stop()
  await anvil.stop()
  rmSync(directory, { recursive: true, force: true })
}
