import type { Hash } from 'viem'
import type { HeaderId } from '../../src/list/list.js'

/** A block of the model's rollup. Its number is its hash. */
export type ModelBlock = {
  readonly id: number
  readonly height: number
  readonly parent: number
  readonly view: number
  readonly epoch: number
  readonly leader: number
  readonly valid: boolean
  readonly originNumber: number
  readonly originHash: string
}

export const hashOf = (id: number): Hash => `0x${id.toString(16).padStart(64, '0')}`
export const idOf = (hash: Hash): number => Number.parseInt(hash.slice(-8), 16)

/** Every block that anybody ever made; an operator knows only what has reached it. */
export function createBlocks(slotsPerEpochBlocks: number) {
  const genesis: ModelBlock = {
    id: 0,
    height: 0,
    parent: -1,
    view: 0,
    epoch: 0,
    leader: -1,
    valid: true,
    originNumber: 0,
    originHash: 'g',
  }
  const all: ModelBlock[] = [genesis]
  /** Whether `a` is `b` or before it. */
  const isAncestor = (a: number, b: number): boolean => {
    const height = all[a]!.height
    let at: ModelBlock | undefined = all[b]
    while (at !== undefined && at.height > height) at = all[at.parent]
    return at !== undefined && at.id === a
  }
  /** The blocks above `a` up to `b`, or nothing where `b` does not descend from it. */
  const path = (a: number, b: number): number[] | undefined => {
    const out: number[] = []
    const height = all[a]!.height
    let at: ModelBlock | undefined = all[b]
    while (at !== undefined && at.height > height) {
      out.push(at.id)
      at = all[at.parent]
    }
    return at !== undefined && at.id === a ? out.reverse() : undefined
  }
  const make = (fields: Omit<ModelBlock, 'id' | 'height' | 'epoch'>): ModelBlock => {
    const height = all[fields.parent]!.height + 1
    const block = { ...fields, id: all.length, height, epoch: Math.floor((height - 1) / slotsPerEpochBlocks) }
    all.push(block)
    return block
  }
  const reference = (id: number): HeaderId => ({ height: BigInt(all[id]!.height), hash: hashOf(id) })
  return { all, isAncestor, path, make, reference }
}
