// Sealing: what a block costs between its execution and the moment when it may be shown. Ratios are against one bare fdatasync of as many bytes, in the same run.
import { mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { privateKeyToAccount } from 'viem/accounts'
import { sealBlock } from '../src/block/builder.js'
import type { LeaderSchedule } from '../src/block/leader.js'
import { encodeSealedBlock, encodeUnsignedBlock, type UnsignedBlock } from '../src/block/sealed-block.js'
import { createHeaderSigner } from '../src/block/sign.js'
import { openFileGuard } from '../src/guard/file.js'
import { openFileLog } from '../src/log/file.js'
import { emptyLogHash, logEntryHash, type NewLogEntry } from '../src/log/log.js'
import { createNativeRecovery } from '../src/transaction/native.js'

const folder = mkdtempSync(join(tmpdir(), 'l2-bench-'))
const rounds = 400
const account = privateKeyToAccount(`0x${'51'.repeat(32)}`)
const schedule: LeaderSchedule = { leaderAt: () => ({ sequencer: account.address, epoch: 1n, term: 0 }) }
const word = (n: number): `0x${string}` => `0x${n.toString(16).padStart(64, '0')}`

/** A block of 100 transactions of 110 bytes, as a quarter of a second brings it at 400 a second. */
function blockAt(height: number): UnsignedBlock {
  const transactions = Array.from({ length: 100 }, (_, i) => new Uint8Array(110).fill((height + i) & 255))
  const shared = { timestamp: BigInt(height), transactions }
  return {
    header: {
      epochId: 1n,
      term: 0,
      height: BigInt(height),
      parentHash: word(height - 1),
      txRoot: word(1),
      stateRoot: word(2),
      timestamp: BigInt(height),
      l1OriginNumber: 1n,
      l1OriginHash: word(3),
      forcedUpTo: 0n,
    },
    executed: {
      ...shared,
      number: BigInt(height),
      hash: word(height),
      parentHash: word(height - 1),
      stateRoot: word(2),
      transactionsRoot: word(1),
      receiptsRoot: word(4),
      gasLimit: 30_000_000n,
      gasUsed: 2_100_000n,
      baseFeePerGas: 1n,
    },
    attributes: {
      ...shared,
      prevRandao: word(5),
      suggestedFeeRecipient: account.address,
      withdrawals: [],
      parentBeaconBlockRoot: word(6),
      noTxPool: true,
      gasLimit: 30_000_000n,
      eip1559Params: undefined,
      minBaseFee: undefined,
    },
  }
}

type Times = { p50: number; p99: number }
async function measure(task: (round: number) => Promise<unknown>): Promise<Times> {
  const times: number[] = []
  for (let round = 1; round <= rounds + 20; round++) {
    const start = performance.now()
    await task(round)
    if (round > 20) times.push(performance.now() - start)
  }
  times.sort((a, b) => a - b)
  return { p50: times[Math.floor(times.length * 0.5)]!, p99: times[Math.floor(times.length * 0.99)]! }
}
const print = (what: string, times: Times, base: Times) =>
  console.log(
    `${what.padEnd(52)} p50 ${times.p50.toFixed(2).padStart(7)} ms (${(times.p50 / base.p50).toFixed(2)}×)   p99 ${times.p99.toFixed(2).padStart(7)} ms (${(times.p99 / base.p99).toFixed(2)}×)`,
  )

const sample = encodeUnsignedBlock(blockAt(1))
const file = await open(join(folder, 'bare'), 'w')
let offset = 0
const bare = await measure(async () => {
  await file.write(sample, 0, sample.length, offset)
  offset += sample.length
  await file.datasync()
})
await file.close()
print(`bare write + fdatasync of ${sample.length} bytes`, bare, bare)

const appendOnly = await openFileLog({ path: join(folder, 'append.log') })
const lease = await appendOnly.acquire('bench', 60_000)
let prevHash = emptyLogHash
const append = await measure(async round => {
  prevHash = (await appendOnly.append({ epoch: lease.epoch, seq: BigInt(round), prevHash, payload: sample })).hash
})
print('log append (chain, CRC, frame, fdatasync)', append, bare)

const recovery = await createNativeRecovery()
const guard = await openFileGuard({ path: join(folder, 'watermark'), signer: account.address, chainId: 901n, seen: [] })
const signer = createHeaderSigner({ account, domain: { chainId: 901n, rollup: account.address }, guard, recovery })
const reserve = await measure(async round => {
  await guard.reserve({ epoch: 0n, term: 0, height: BigInt(round), digest: word(round), payload: sample })
})
print('guard reservation with its block', reserve, bare)
const sign = await measure(async () => account.sign({ hash: word(9) }))
print('bare secp256k1 signature (viem, noble)', sign, bare)

const log = await openFileLog({ path: join(folder, 'seal.log') })
const { epoch } = await log.acquire('bench', 60_000)
let previous = emptyLogHash
const blocks = Array.from({ length: rounds + 21 }, (_, height) => blockAt(height))
const seal = await measure(async round => {
  const sealed = await sealBlock(blocks[round]!, signer, schedule)
  previous = (await log.append({ epoch, seq: BigInt(round), prevHash: previous, payload: encodeSealedBlock(sealed) }))
    .hash
})
print('seal: reserve, sign, check, append', seal, bare)
console.log(
  `  against its parts, two syncs and a signature        p50 ${(seal.p50 / (2 * bare.p50 + sign.p50)).toFixed(2)}×`,
)

// Many appends that wait for one disk share its syncs.
const grouped = await openFileLog({ path: join(folder, 'group.log') })
const group = await grouped.acquire('bench', 60_000)
const entries: NewLogEntry[] = []
let hash = emptyLogHash
for (let seq = 1n; seq <= 2_000n; seq++) {
  const entry = { epoch: group.epoch, seq, prevHash: hash, payload: sample }
  hash = logEntryHash(entry)
  entries.push(entry)
}
const start = performance.now()
for (let i = 0; i < entries.length; i += 50)
  await Promise.all(entries.slice(i, i + 50).map(entry => grouped.append(entry)))
const perEntry = (performance.now() - start) / entries.length
console.log(
  `group commit, 50 overlapping appends: ${(1000 / perEntry).toFixed(0)} entries/s, ${(bare.p50 / perEntry).toFixed(1)}× one bare sync each`,
)
for (const each of [appendOnly, log, grouped]) await each.close()
await guard.close()
rmSync(folder, { recursive: true, force: true })
