import type { SequencerHeader } from '@l2/sequencer-core/block'
import type { Hash, Hex } from 'viem'

/** Contents that were seen of each publisher at each place of the chain. */
export type SeenPlaces = {
  /** `new` the first time; `seen` again; `many` beyond the contents that say something. */
  see(publisher: Hex, header: SequencerHeader, id: Hash, payloadHash: Hash): 'new' | 'seen' | 'many'
}

/** Places that are remembered; a header that comes later than so many others may be shown to the subscriber again. */
const remembered = 4096

export function createSeenPlaces(maxVariants: number): SeenPlaces {
  const places = new Map<string, Set<string>>()
  return {
    see(publisher, { epochId, term, height }, id, payloadHash) {
      const place = `${publisher}/${epochId}/${term}/${height}`
      const contents = places.get(place) ?? new Set<string>()
      const content = id + payloadHash
      if (contents.has(content)) return 'seen'
      if (contents.size >= maxVariants) return 'many'
      contents.add(content)
      places.delete(place)
      places.set(place, contents)
      if (places.size > remembered) places.delete(places.keys().next().value!)
      return 'new'
    },
  }
}
