import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { refuse } from '../errors.js'

/** Of a key, a keystore or a password. */
const maxBytes = 16 * 1024

/**
 * Writes a file that nobody else may read and that was not there before: a key is never written over.
 *
 * @throws OperatorError `HOME_INVALID`
 */
export function writeSecretFile(path: string, text: string): void {
  let file: number
  try {
    file = openSync(path, 'wx', 0o600)
  } catch (cause) {
    const isThere = (cause as { code?: string }).code === 'EEXIST'
    refuse('HOME_INVALID', isThere ? `${path} is there already, and stays` : `cannot write ${path}`, { cause })
  }
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/**
 * Reads a file that holds a secret. One that others may read is none.
 *
 * @throws OperatorError `HOME_INVALID`
 */
export function readSecretFile(path: string): string {
  let text: string
  try {
    const { mode, size } = statSync(path)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      refuse('HOME_INVALID', `others may read ${path}: its mode must be 0600`)
    }
    if (size > maxBytes) refuse('HOME_INVALID', `${path} has ${size} bytes, more than any key`)
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if ((cause as { code?: string }).code === 'HOME_INVALID') throw cause
    return refuse('HOME_INVALID', `cannot read ${path}`, { cause })
  }
  return text.replace(/\r?\n$/, '')
}
