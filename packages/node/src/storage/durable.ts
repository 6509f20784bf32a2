import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { isL2Error } from '@l2/common'
import { diskFull, syncFolderOf } from '@l2/common/node'
import { NodeError, type NodeErrorCode } from '../errors.js'
import { decodeLine, encodeLine } from './codec.js'

/** The error of a file that holds something else than was written. */
export function damaged(path: string, where: string, remedy: string): NodeError {
  return new NodeError(`${path} is damaged${where}: ${remedy}`, { code: 'DATA_CORRUPT', details: { path } })
}

/** What the system said about a file, as the user is told: with its path, and as a full disk where that is the reason. */
export function fileError(path: string, cause: unknown): NodeError {
  if (isL2Error<NodeErrorCode>(cause)) return cause
  const full = diskFull(path, cause)
  if (full !== undefined) return new NodeError(full, { code: 'DISK_FULL', recovery: 'retry', details: { path }, cause })
  const { code } = cause as { code?: string }
  const message = `${path} cannot be read or written${code === undefined ? '' : `: ${code}`}`
  return new NodeError(message, { code: 'DATA_FAILED', details: { path }, cause })
}

/**
 * Replaces a file so that a crash or a full disk leaves the old one or the new one, never a part.
 *
 * @throws NodeError `DISK_FULL`, `DATA_FAILED`
 */
export function writeFileDurably(path: string, content: string | Uint8Array): void {
  const next = `${path}.new`
  try {
    const file = openSync(next, 'w')
    try {
      writeFileSync(file, content)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(next, path)
    syncFolderOf(path)
  } catch (cause) {
    rmSync(next, { force: true })
    throw fileError(path, cause)
  }
}

const checkOf = (value: object): string => crc32(encodeLine(value)).toString(16).padStart(8, '0')

/** Writes an object as JSON whose last member is the checksum of the others. */
export function writeDocument(path: string, value: object): void {
  const document = JSON.parse(encodeLine({ ...value, crc32: checkOf(value) })) as object
  writeFileDurably(path, `${JSON.stringify(document, null, 2)}\n`)
}

/**
 * Reads {@link writeDocument} back; `undefined` where there is none.
 *
 * @throws NodeError `DATA_CORRUPT`, `DATA_FAILED`
 */
export function readDocument<T extends object>(path: string, remedy: string): T | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if ((cause as { code?: string }).code === 'ENOENT') return undefined
    throw fileError(path, cause)
  }
  try {
    const { crc32: check, ...value } = decodeLine<T & { crc32?: string }>(text)
    if (check === checkOf(value)) return value as unknown as T
  } catch {
    // Not even JSON.
  }
  throw damaged(path, ' or was written by something else', remedy)
}
