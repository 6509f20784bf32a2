import { closeSync, fstatSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'

// A JSON object of any size whose last member is the checksum of everything before it, which its reader passes over: anvil's states.

const pieceBytes = 2 ** 20
const sealOf = (check: number): string => `,"crc32":"${check.toString(16).padStart(8, '0')}"}`
const sealBytes = sealOf(0).length

/** What the file is: `missing`, as it was written, or something else. Reads it in pieces. */
export function checkSealedJson(path: string): 'missing' | 'sound' | 'damaged' {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return 'missing'
    throw error
  }
  try {
    const bodyBytes = fstatSync(file).size - sealBytes
    if (bodyBytes < 1) return 'damaged'
    const piece = Buffer.alloc(pieceBytes)
    let check = 0
    for (let at = 0; at < bodyBytes; ) {
      const bytes = readSync(file, piece, 0, Math.min(pieceBytes, bodyBytes - at), at)
      if (bytes === 0) return 'damaged'
      check = crc32(piece.subarray(0, bytes), check)
      at += bytes
    }
    readSync(file, piece, 0, sealBytes, bodyBytes)
    return piece.toString('latin1', 0, sealBytes) === sealOf(check) ? 'sound' : 'damaged'
  } finally {
    closeSync(file)
  }
}

/**
 * Replaces the file by a JSON object that comes in pieces: written beside, synced, and renamed, so that whatever happens leaves the old one or the new
 * one. `mayReplace` is asked just before.
 */
export async function writeSealedJson(
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  mayReplace: () => boolean = () => true,
): Promise<void> {
  const next = `${path}.new`
  const file = openSync(next, 'w')
  try {
    try {
      let check = 0
      /** The object's last byte: its brace makes room for the seal. */
      let held: Buffer = Buffer.alloc(0)
      const write = (bytes: Buffer): void => {
        check = crc32(bytes, check)
        for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written)
      }
      for await (const piece of pieces) {
        const bytes = Buffer.concat([held, piece])
        held = bytes.subarray(Math.max(0, bytes.length - 1))
        write(bytes.subarray(0, Math.max(0, bytes.length - 1)))
      }
      if (held.toString('latin1') !== '}') throw new Error('the state is no JSON object')
      const seal = Buffer.from(sealOf(check))
      for (let written = 0; written < seal.length; ) written += writeSync(file, seal, written)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    if (!mayReplace()) throw new Error('another one has taken its place')
    renameSync(next, path)
    if (process.platform === 'win32') return
    const folder = openSync(dirname(path), 'r')
    fsyncSync(folder)
    closeSync(folder)
  } catch (error) {
    rmSync(next, { force: true })
    throw error
  }
}
