import library from 'c-kzg'
import type { KzgLibrary } from './binding.js'

/** The library keeps one trusted setup for the whole thread. */
let loaded = false

/** The library with its setup; only the first caller's tables count. */
export function loadCKzg(precompute: number): KzgLibrary {
  if (!loaded) {
    try {
      library.loadTrustedSetup(precompute)
    } catch (error) {
      // Whoever shares the thread has loaded it already; any other failure is one.
      if (!(error instanceof Error) || !error.message.includes('already loaded')) throw error
    }
    loaded = true
  }
  return library as unknown as KzgLibrary
}
