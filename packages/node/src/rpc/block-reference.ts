/** The heights that tags mean. */
export type Heads = { readonly unsafe: bigint; readonly safe: bigint; readonly finalized: bigint }

/** How blocks are named in JSON-RPC, on a rollup whose heads the node knows better than its engine. */
export type BlockReferences = {
  /** A reference with its tag as the number that it means; `undefined` is the newest. Numbers, hashes and what is neither stay as they are. */
  at(reference: unknown): unknown
  /** Parameters with the reference at a position resolved, if they go so far. */
  atIn(params: readonly unknown[], position: number): readonly unknown[]
  /** Whether it is a number, or an object with one, that no reader has seen a block of. */
  isBeyondHead(reference: unknown): boolean
}

export function blockReferences(heads: () => Heads): BlockReferences {
  const named = (tag: unknown): unknown => {
    const { unsafe, safe, finalized } = heads()
    const numbers = new Map<unknown, bigint>([
      ['latest', unsafe],
      ['pending', unsafe],
      ['safe', safe],
      ['finalized', finalized],
      ['earliest', 0n],
    ])
    const number = numbers.get(tag)
    return number === undefined ? tag : `0x${number.toString(16)}`
  }
  const isObject = (reference: unknown): reference is { blockNumber?: unknown } =>
    typeof reference === 'object' && reference !== null && 'blockNumber' in reference
  const at = (reference: unknown): unknown => {
    if (reference === undefined || reference === null) return named('latest')
    return isObject(reference) ? { ...reference, blockNumber: named(reference.blockNumber) } : named(reference)
  }
  return {
    at,
    atIn: (params, position) => params.map((param, index) => (index === position ? at(param) : param)),
    isBeyondHead: reference => {
      const number = isObject(reference) ? reference.blockNumber : reference
      return typeof number === 'string' && /^0x[0-9a-f]{1,16}$/i.test(number) && BigInt(number) > heads().unsafe
    },
  }
}
