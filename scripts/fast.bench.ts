// What `initFastCrypto` makes of the parts that hash most: the memory layer, Celestia's commitments, an election's draws. CPU of this process, the best of
// rounds in turn.

import { keccak256, setCrypto, sha256 } from '../packages/common/src/crypto/index.js'
import { initFastCrypto } from '../packages/common/src/fast-crypto/index.js'
import { namespaceV0, shareCommitment } from '../packages/da/src/celestia/index.js'
import { createMemoryDa } from '../packages/da/src/testing/index.js'
import { buildElection, electSlot } from '../packages/staking/src/election/index.js'

await initFastCrypto()
const fast = setCrypto(undefined)

/** Microseconds of CPU of one call of each way, and the same with noble. */
async function compare(
  calls: number,
  ways: Record<string, () => unknown>,
): Promise<Record<string, [fast: number, noble: number]>> {
  const least: Record<string, [number, number]> = {}
  for (let round = 0; round < 7; round++)
    for (const [name, run] of Object.entries(ways))
      for (const at of [0, 1] as const) {
        setCrypto(at === 0 ? fast : undefined)
        const before = process.cpuUsage()
        for (let i = 0; i < calls; i++) await run()
        const { user, system } = process.cpuUsage(before)
        const best = (least[name] ??= [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY])
        if (round > 0) best[at] = Math.min(best[at], (user + system) / calls)
      }
  setCrypto(undefined)
  return least
}
const line = (text: string, of: [number, number], to: [number, number]) =>
  console.log(
    `  ${text.padEnd(58)} ${of.map((us, at) => `${us.toFixed(1)} µs, ${(us / to[at]!).toFixed(2)}x`).join(' | ')}`,
  )

console.log('                                                             fast | noble')
const item = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 31 + (i >> 8)) & 255)
let salt = 0
const memory = createMemoryDa()
const bare = { keccak: () => keccak256(item), sha: () => sha256(item) }
const namespace = namespaceV0(Uint8Array.of(1, 1))
const data = await compare(10, {
  ...bare,
  memory: async () => {
    new DataView(item.buffer).setUint32(0, salt++)
    await memory.get((await memory.submit([item])).commitments[0]!)
  },
  commitment: () => shareCommitment({ namespace, data: item, shareVersion: 0 }),
})
line('memory layer, 100 kB in and out, to one keccak-256 of it', data['memory']!, data['keccak']!)
line('Celestia commitment of 100 kB, to one SHA-256 of it', data['commitment']!, data['sha']!)

const weights = Array.from({ length: 1_000_000 }, (_, id) => ({
  id,
  weight: BigInt(20_000 + ((id * 37_511) % 80_001)) * 10n ** 18n,
}))
const election = buildElection(weights)
const short = new Uint8Array(48)
let slot = 0
const draws = await compare(2_000, {
  keccak: () => keccak256(short),
  draw: () => electSlot(election, `0x${'3a'.repeat(32)}`, slot++ & 0xffff),
})
// Both against noble's hash: the goal of the draw is two of these.
const noble: [number, number] = [draws['keccak']![1], draws['keccak']![1]]
line('a draw of a million sequencers, to one keccak-256 of noble', draws['draw']!, noble)
