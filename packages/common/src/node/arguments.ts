import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * The command line of a process, by which one is known again that an earlier run has left: process ids are given anew. Empty where there is no
 * such process, or nothing is known of it.
 */
export function argumentsOf(pid: number): readonly string[] {
  if (!Number.isSafeInteger(pid) || pid <= 1) return []
  try {
    return process.platform === 'linux'
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      : execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })
          .trim()
          .split(' ')
  } catch {
    return []
  }
}
