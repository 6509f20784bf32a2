import { sha256 } from '@noble/hashes/sha2.js'
import { cellsPerExtBlob } from '../constants.js'
import { BlobError } from '../errors.js'

function checkCount(count: number): void {
  if (!Number.isInteger(count) || count < 0 || count > cellsPerExtBlob) {
    throw new BlobError(`"count" expected an integer from 0 to ${cellsPerExtBlob}, got ${count}`, {
      code: 'OPTION',
      details: { count },
    })
  }
}

/**
 * The columns that a node custodies, ascending: derived from its node id, so that everybody knows whom to ask. A column is its custody
 * group: there are 128 of each.
 *
 * Source: consensus-specs, fulu, `get_custody_groups`.
 *
 * @throws BlobError `OPTION`
 * @example
 * ```ts
 * import { custodyColumns } from '@l2/blob'
 *
 * console.log(custodyColumns(0n, 4).length) // 4
 * ```
 */
export function custodyColumns(nodeId: bigint, count: number): number[] {
  checkCount(count)
  const limit = 2n ** 256n
  if (nodeId < 0n || nodeId >= limit) {
    throw new BlobError('"nodeId" expected 0 to 2^256 − 1', { code: 'OPTION', details: { nodeId } })
  }
  const columns = new Set<number>()
  for (let id = nodeId; columns.size < count; id = (id + 1n) % limit) {
    const bytes = new Uint8Array(32)
    for (let i = 0, rest = id; i < 32; i++, rest >>= 8n) bytes[i] = Number(rest & 255n)
    // The first 8 bytes, little-endian, modulo 128: the lowest byte decides.
    columns.add(sha256(bytes)[0]! % cellsPerExtBlob)
  }
  return [...columns].sort((a, b) => a - b)
}

/**
 * Distinct columns to sample, ascending. `random(bound)` must be uniform over 0 … bound − 1 and not foreseeable by whoever published the
 * data, else they publish just what will be asked for.
 *
 * @throws BlobError `OPTION`
 */
export function sampleColumns(count: number, random: (bound: number) => number): number[] {
  checkCount(count)
  const columns = Array.from({ length: cellsPerExtBlob }, (_, i) => i)
  for (let i = 0; i < count; i++) {
    const step = random(cellsPerExtBlob - i)
    if (!Number.isInteger(step) || step < 0 || step >= cellsPerExtBlob - i) {
      throw new BlobError(`"random" expected an integer below ${cellsPerExtBlob - i}, got ${step}`, {
        code: 'OPTION',
        details: { step },
      })
    }
    const chosen = columns[i + step]!
    columns[i + step] = columns[i]!
    columns[i] = chosen
  }
  return columns.slice(0, count).sort((a, b) => a - b)
}

/**
 * How likely that many sampled columns are all there although the data cannot be recovered (63 of 128 columns published): what is left
 * to chance by a sample. 16 columns leave about 4 in a million.
 */
export function missedSampleProbability(count: number): number {
  checkCount(count)
  let probability = 1
  for (let i = 0; i < count; i++) probability *= Math.max(0, 63 - i) / (cellsPerExtBlob - i)
  return probability
}
