import type { KzgLibrary } from './binding.js'

/** One call of a library's function; without a name it only loads the library. */
export type LaneCall = { name?: string; args: unknown[] }

/** The outcome of a call: a value, the library's refusal, or a failure that is not the input's fault. */
export type LaneAnswer = { value: unknown } | { refused: unknown } | { failed: unknown }

/** Whatever computes one call at a time for a pool. */
export type Lane = {
  run(call: LaneCall): Promise<LaneAnswer>
  close(): Promise<void>
}

/** The calling thread, between two turns of its event loop: where there are no workers. */
export function inlineLane(load: () => KzgLibrary): Lane {
  return {
    async run({ name, args }) {
      await new Promise(resolve => setTimeout(resolve, 0))
      let library: KzgLibrary
      try {
        library = load()
      } catch (failed) {
        return { failed }
      }
      try {
        return { value: name === undefined ? undefined : library[name]!(...args) }
      } catch (refused) {
        return { refused }
      }
    },
    close: async () => {},
  }
}

/** A library's own threads, by its functions named `async…`. */
export function libraryLane(load: () => KzgLibrary): Lane {
  return {
    async run({ name, args }) {
      let library: KzgLibrary
      try {
        library = load()
      } catch (failed) {
        return { failed }
      }
      if (name === undefined) return { value: undefined }
      try {
        return { value: await library[`async${name[0]!.toUpperCase()}${name.slice(1)}`]!(...args) }
      } catch (refused) {
        return { refused }
      }
    },
    close: async () => {},
  }
}
