import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system of a few megabytes, to be filled. */
export type SmallDisk = {
  path: string
  /** Takes all the room but so many bytes; the file that does it is deleted by `free`. */
  fill(leaveBytes?: number): void
  free(): void
  unmount(): void
}

/** Mounts one; `undefined` where that is not allowed: only root of Linux may. */
export function mountSmallDisk(bytes: number): SmallDisk | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined
  const path = mkdtempSync(join(tmpdir(), 'l2-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path], { stdio: 'ignore' })
  } catch {
    // A container without the right to mount.
    rmSync(path, { recursive: true })
    return undefined
  }
  const filler = join(path, 'filler')
  return {
    path,
    fill(leaveBytes = 0) {
      const { bavail, bsize } = statfsSync(path)
      const file = openSync(filler, 'a')
      const piece = Buffer.alloc(bsize)
      try {
        for (let left = bavail * bsize - leaveBytes; left >= bsize; left -= bsize) writeSync(file, piece)
      } catch (error) {
        // Somebody else took the rest meanwhile.
        if ((error as { code?: string }).code !== 'ENOSPC') throw error
      }
      closeSync(file)
    },
    free: () => rmSync(filler, { force: true }),
    unmount() {
      execFileSync('umount', ['-l', path])
      rmSync(path, { recursive: true, force: true })
    },
  }
}
