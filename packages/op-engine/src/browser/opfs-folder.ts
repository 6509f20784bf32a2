import { OpEngineError } from '../errors.js'
import type { SegmentFile, SegmentFolder } from '../store/segment.js'

/** The synchronous handle that a worker gets of a file in the origin's private file system. */
type SyncAccessHandle = {
  getSize(): number
  read(into: Uint8Array, options: { at: number }): number
  write(bytes: Uint8Array, options: { at: number }): number
  truncate(size: number): void
  flush(): void
  close(): void
}
type SyncFileHandle = FileSystemFileHandle & {
  createSyncAccessHandle(options?: { mode: 'readwrite-unsafe' }): Promise<SyncAccessHandle>
}
type Directory = FileSystemDirectoryHandle & { keys(): AsyncIterable<string> }

const nameOf = (segment: number): string => `${String(segment).padStart(8, '0')}.log`
/** Beside a segment that was removed while a reader had it open, which keeps the file where it is. */
const retiredNameOf = (segment: number): string => `${String(segment).padStart(8, '0')}.retired`

/** Segments as files of the origin's private file system (OPFS), in the folder `path`. @throws OpEngineError `ENGINE_STORE_FAILED` */
export async function opfsFolder(path: string): Promise<SegmentFolder> {
  let folder: Directory
  try {
    folder = (await navigator.storage.getDirectory()) as Directory
    for (const name of path.split('/').filter(part => part !== '')) {
      folder = (await folder.getDirectoryHandle(name, { create: true })) as Directory
    }
  } catch (cause) {
    throw new OpEngineError('the origin has no private file system here', { code: 'ENGINE_STORE_FAILED', cause })
  }
  const open = async (segment: number, create: boolean): Promise<SegmentFile> => {
    const file = (await folder.getFileHandle(nameOf(segment), { create })) as SyncFileHandle
    // Shared, so that a reader can follow; that there is one writer is kept by a lock of the page.
    const handle = await file.createSyncAccessHandle({ mode: 'readwrite-unsafe' })
    return {
      size: () => handle.getSize(),
      read: (into, at) => handle.read(into, { at }),
      append(bytes) {
        const written = handle.write(bytes, { at: handle.getSize() })
        if (written < bytes.length)
          throw new Error(`${written} of ${bytes.length} bytes were written: the quota may be used up`)
      },
      truncate: size => handle.truncate(size),
      flush: () => handle.flush(),
      close: () => handle.close(),
    }
  }
  return {
    describe: segment => `${path}/${nameOf(segment)} of the origin's private file system`,
    async list() {
      const names = new Set<string>()
      for await (const name of folder.keys()) names.add(name)
      return [...names]
        .filter(name => /^\d{8}\.log$/.test(name))
        .map(name => Number(name.slice(0, 8)))
        .filter(segment => !names.has(retiredNameOf(segment)))
        .sort((a, b) => a - b)
    },
    open: segment => open(segment, false),
    create: segment => open(segment, true),
    async remove(segment) {
      await folder.getFileHandle(retiredNameOf(segment), { create: true })
      const names: string[] = []
      for await (const name of folder.keys()) if (name.endsWith('.retired')) names.push(name)
      for (const name of names) {
        try {
          await folder.removeEntry(name.replace('.retired', '.log'))
        } catch (error) {
          // Still open somewhere: the next removal tries again. Already gone: only its mark is left.
          if ((error as DOMException).name !== 'NotFoundError') continue
        }
        await folder.removeEntry(name)
      }
    },
  }
}
