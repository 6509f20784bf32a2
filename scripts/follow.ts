// npm run follow -- --data <directory of a node>: stock op-node and op-geth behind the L1 and the rollup.json of a node that runs (`npm start -- --data <directory>`).
// Prints each block that they derive from L1 beside the node's own: equal, or the end.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Hash } from 'viem'
import { goProgram, goVersion } from './go.mjs'
import { ask, startStockFollower } from './stock-follower.js'

const usage =
  'npm run follow -- --data <directory> [--node <URL>] [--l1 <URL>] [--beacon <URL>] [--blocks <number>] [--for <seconds>]'

function end(message: string, code: number): never {
  console.error(message)
  process.exit(code)
}

const { values } = parseArgs({
  args: process.argv.slice(2).filter(argument => argument !== '--'),
  options: {
    data: { type: 'string' },
    node: { type: 'string', default: 'http://127.0.0.1:9545' },
    l1: { type: 'string' },
    beacon: { type: 'string' },
    blocks: { type: 'string' },
    for: { type: 'string' },
  },
})
if (goVersion() === undefined)
  end('npm run follow needs Go, which builds op-node and op-geth: there is none on PATH', 2)
const { data, node } = values
if (data === undefined) end(`--data is missing: ${usage}`, 1)
const [rollupPath, genesisPath] = [join(data, 'rollup.json'), join(data, 'l2-genesis.json')]
for (const path of [rollupPath, genesisPath]) {
  if (!existsSync(path))
    end(`${path} is not there: start the node with --data ${data}, and with its data on Ethereum`, 1)
}
const portPath = join(data, 'l1.port')
const l1Url =
  values.l1 ?? (existsSync(portPath) ? `http://127.0.0.1:${readFileSync(portPath, 'utf8').trim()}` : undefined)
if (l1Url === undefined) end('--l1 is missing: the node was given an L1 of yours', 1)
const [opNode, opGeth] = [goProgram('op-node'), goProgram('op-geth')]
if (opNode === undefined || opGeth === undefined) process.exit(2)
const wanted = values.blocks === undefined ? undefined : BigInt(values.blocks)
const untilMs = values.for === undefined ? undefined : Date.now() + 1000 * Number.parseFloat(values.for)

const { l2_chain_id: chainId } = JSON.parse(readFileSync(rollupPath, 'utf8')) as { l2_chain_id: number }
const directory = mkdtempSync(join(tmpdir(), 'l2-follow-'))
const stopped = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort())
const equal = { blocks: 0n, transactions: 0 }
let code = 0
try {
  const paths = { rollupPath, genesisPath, directory }
  const programs = { opNode, opGeth, l1Url, beaconUrl: values.beacon, chainId: BigInt(chainId) }
  await using follower = await startStockFollower({ ...programs, ...paths })
  void follower.ended.then(() => stopped.abort())
  console.log(`op-node at ${follower.nodeUrl} on op-geth at ${follower.engineUrl}, behind L1 at ${l1Url}`)
  const isOver = () =>
    stopped.signal.aborted ||
    (wanted !== undefined && equal.blocks >= wanted) ||
    (untilMs !== undefined && Date.now() > untilMs)
  while (!isOver() && code === 0) {
    const { safe_l2: safe, current_l1: l1 } = await follower.status()
    for (let number = equal.blocks + 1n; number <= BigInt(safe.number) && !isOver(); number++) {
      const theirs = await follower.hashAt(number)
      const params = [`0x${number.toString(16)}`, false]
      const block = await ask<{ hash: Hash; transactions: unknown[] } | null>(node, 'eth_getBlockByNumber', params)
      if (block?.hash !== theirs) {
        console.error(`block ${number} differs: op-node derives ${theirs}, the node has ${block?.hash ?? 'none'}`)
        code = 1
        break
      }
      equal.blocks = number
      equal.transactions += block?.transactions.length ?? 0
      console.log(
        `block ${number} ${theirs} equal, ${block?.transactions.length} transactions, from L1 up to ${l1.number}`,
      )
    }
    await pause(500)
  }
} catch (error) {
  console.error((error as Error).message)
  code = 1
} finally {
  rmSync(directory, { recursive: true, force: true })
}
if (wanted !== undefined && equal.blocks < wanted) code = 1
console.log(`${equal.blocks} of ${equal.blocks + BigInt(code)} blocks equal, ${equal.transactions} transactions`)
process.exit(code)
