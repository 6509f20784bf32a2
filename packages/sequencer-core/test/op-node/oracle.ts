// op-node's own packages as an oracle: `peers/op-node` answers a JSON line for each that it is asked.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { bytesToHex, hexToBytes } from '@l2/common'
import type { Hex } from 'viem'
import { goModule } from '../../../../scripts/go.mjs'
import {
  fromRollupJson,
  loadUpgradeTransactions,
  type RollupConfig,
  toRollupJson,
  type UpgradeTransactions,
} from '../../src/derivation/index.js'

/** A program that says what op-node makes of something. */
export type Oracle = {
  // biome-ignore lint/suspicious/noExplicitAny: answers differ by command, and each suite compares all of what it reads.
  ask(request: { cmd: string } & Record<string, unknown>): Promise<any>
  close(): void
}

/** Whether to run at full length (`pnpm test:peers`) or a share of it (`npm test`). */
const full = process.env['L2_PEERS'] === 'full'

/** A count for the full length, and a hundredth of it, or at least `least`, elsewhere. */
export const share = (count: number, least = 5): number => (full ? count : Math.max(least, Math.ceil(count / 100)))

const binary = goModule(fileURLToPath(new URL('../../../../peers/op-node', import.meta.url)), '.', 'op-node-oracle')
if (binary === undefined) process.stdout.write('skipped: op-node’s own packages, which need Go\n')

/** Whether there is Go to build the oracle with. */
export const hasOracle: boolean = binary !== undefined

/** Starts an oracle, op-node's unless told otherwise; close it. */
export function startOracle(program: string = binary!): Oracle {
  const child = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] })
  const waiting: ((answer: unknown) => void)[] = []
  createInterface({ input: child.stdout }).on('line', line => waiting.shift()?.(JSON.parse(line)))
  const plain = (_: string, value: unknown): unknown =>
    typeof value === 'bigint' ? Number(value) : value instanceof Uint8Array ? bytesToHex(value) : value
  return {
    ask: request =>
      new Promise(resolve => {
        waiting.push(resolve)
        child.stdin.write(`${JSON.stringify(request, plain)}\n`)
      }),
    close: () => child.stdin.end(),
  }
}

/** The transactions of every upgrade that has some, as op-node makes them. */
export async function upgradesOf(oracle: Oracle): Promise<UpgradeTransactions> {
  const made = (await oracle.ask({ cmd: 'upgrades' })) as Record<string, Hex[]>
  let upgrades: UpgradeTransactions = {}
  for (const fork of ['ecotone', 'fjord', 'isthmus', 'jovian', 'karst'] as const) {
    upgrades = { ...upgrades, ...(await loadUpgradeTransactions({ fork, transactions: made[fork]! })) }
  }
  return upgrades
}

/** A configuration as op-node reads it, by way of our own file. */
export function rollupJson(config: RollupConfig): unknown {
  const json = toRollupJson(config)
  fromRollupJson(json)
  return json
}

export const unhex = (hex: string): Uint8Array => hexToBytes(hex.startsWith('0x') ? hex : `0x${hex}`)!

/** Comparable whatever the order of keys; an absent list is an empty one in Go. */
export function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical)
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, item]) => [key, key === 'txs' ? (item ?? []) : canonical(item)]))
}
