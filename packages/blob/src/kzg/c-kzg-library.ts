import { lacks, loadNative, type NativePart } from '@l2/common/node'
import type { KzgLibrary } from './binding.js'
import { specified } from './native-dialect.js'

let part: NativePart<KzgLibrary> | undefined

/** The library as it is installed, without its setup; asked of the disk until it is there. */
export function findCKzg(): NativePart<KzgLibrary> {
  if (part?.state === 'ready') return part
  part = loadNative<KzgLibrary>('c-kzg', {
    from: import.meta.url,
    check: module => lacks(module, ['loadTrustedSetup', ...specified]),
  })
  return part
}

/** The library keeps one trusted setup for the whole thread. */
let loaded = false

/** Gives the library its setup; only the first caller's tables count. */
export function loadCKzg(library: KzgLibrary, precompute: number): KzgLibrary {
  if (!loaded) {
    try {
      library['loadTrustedSetup']!(precompute)
    } catch (error) {
      // Whoever shares the thread has loaded it already; any other failure is one.
      if (!(error instanceof Error) || !error.message.includes('already loaded')) throw error
    }
    loaded = true
  }
  return library
}
