import { bytesToHex, concatBytes } from '@l2/common'
import { sha256 } from '@noble/hashes/sha2.js'
import type { Snapshot } from 'cosmjs-types/tendermint/abci/types'
import { controlStateHash, decodeControlState } from '../fold/snapshot.js'
import type { ControlState } from '../fold/state.js'

const format = 1
const chunkBytes = 64 * 1024
const maxChunks = 1_024
const kept = 3
/** Answers of `OfferSnapshot` and `ApplySnapshotChunk`. */
const answers = { accept: 1, rejectSnapshot: 5, offerReject: 3 } as const

type Applied = { result: number; state?: undefined } | { result: number; state: ControlState; bytes: Uint8Array }

/**
 * States for those who join. The one who takes a snapshot believes nobody: chunks are put together only up to a bound,
 * and the state must have the hash that a light client of the control chain has verified.
 */
export function createSnapshots(everyBlocks: number) {
  let own: { height: bigint; bytes: Uint8Array }[] = []
  let incoming: { chunks: (Uint8Array | undefined)[]; appHash: string } | undefined
  return {
    take(height: bigint, bytes: Uint8Array): void {
      if (height % BigInt(everyBlocks) === 0n) own = [...own, { height, bytes }].slice(-kept)
    },
    list(): Snapshot[] {
      return own.map(({ height, bytes }) => ({
        height,
        format,
        chunks: Math.ceil(bytes.length / chunkBytes),
        hash: sha256(bytes),
        metadata: new Uint8Array(),
      }))
    },
    chunk(height: bigint, index: number): Uint8Array {
      const bytes = own.find(snapshot => snapshot.height === height)?.bytes ?? new Uint8Array()
      return bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes)
    },
    offer(snapshot: Snapshot | undefined, appHash: Uint8Array): number {
      if (snapshot?.format !== format || snapshot.chunks < 1 || snapshot.chunks > maxChunks) return answers.offerReject
      incoming = { chunks: new Array<undefined>(snapshot.chunks).fill(undefined), appHash: bytesToHex(appHash) }
      return answers.accept
    },
    apply(index: number, chunk: Uint8Array): Applied {
      if (incoming === undefined || index >= incoming.chunks.length || chunk.length > chunkBytes) {
        return { result: answers.rejectSnapshot }
      }
      incoming.chunks[index] = chunk
      const chunks = incoming.chunks.filter(one => one !== undefined)
      if (chunks.length < incoming.chunks.length) return { result: answers.accept }
      const bytes = concatBytes(...chunks)
      const { appHash } = incoming
      incoming = undefined
      try {
        const state = decodeControlState(bytes)
        if (controlStateHash(state) !== appHash) return { result: answers.rejectSnapshot }
        return { result: answers.accept, state, bytes }
      } catch {
        return { result: answers.rejectSnapshot }
      }
    },
  }
}
