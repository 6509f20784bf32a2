import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { SegmentFile, SegmentFolder } from '../store/segment.js'

const nameOf = (segment: number): string => `${String(segment).padStart(8, '0')}.log`

/** Segments as files of one folder, which is made where it is absent. */
export function fileFolder(path: string): SegmentFolder {
  mkdirSync(path, { recursive: true })
  const open = (segment: number, flags: 'r' | 'r+' | 'wx+'): SegmentFile => {
    const file = openSync(join(path, nameOf(segment)), flags)
    return {
      size: () => fstatSync(file).size,
      read(into, at) {
        let done = 0
        while (done < into.length) {
          const got = readSync(file, into, done, into.length - done, at + done)
          if (got === 0) break
          done += got
        }
        return done
      },
      append(bytes) {
        let at = fstatSync(file).size
        for (let done = 0; done < bytes.length; ) {
          const wrote = writeSync(file, bytes, done, bytes.length - done, at)
          done += wrote
          at += wrote
        }
      },
      truncate: size => ftruncateSync(file, size),
      flush: () => fdatasyncSync(file),
      close: () => closeSync(file),
    }
  }
  return {
    describe: segment => join(path, nameOf(segment)),
    list: () =>
      readdirSync(path)
        .filter(name => /^\d{8}\.log$/.test(name))
        .map(name => Number(name.slice(0, 8)))
        .sort((a, b) => a - b),
    open: (segment, access) => open(segment, access === 'read' ? 'r' : 'r+'),
    create(segment) {
      const file = open(segment, 'wx+')
      try {
        syncFolder(path)
      } catch (error) {
        file.close()
        unlinkSync(join(path, nameOf(segment)))
        throw error
      }
      return file
    },
    remove: segment => unlinkSync(join(path, nameOf(segment))),
  }
}

/** Makes the names of a folder durable; Windows has no such thing. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
