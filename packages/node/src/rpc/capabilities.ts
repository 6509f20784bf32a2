import type { Hash } from 'viem'
import type { RpcMethod } from './answer.js'
import type { EthView } from './eth-view.js'

/** Blocks whose state anvil and a full geth keep behind their head. */
const keptStates = { anvil: 256, geth: 128 }

type Resource = {
  readonly disabled: false
  readonly oldestBlock: string
  readonly deleteStrategy?: { readonly type: 'window'; readonly retentionBlocks: string }
}

const hex = (value: bigint | number): string => `0x${value.toString(16)}`

/** What is kept of so many blocks behind one; 0: of all. */
function window(blocks: number, behind: bigint): Resource {
  if (blocks === 0) return { disabled: false, oldestBlock: '0x0' }
  const oldest = behind > BigInt(blocks) ? behind - BigInt(blocks) : 0n
  return {
    disabled: false,
    oldestBlock: hex(oldest),
    deleteStrategy: { type: 'window', retentionBlocks: hex(blocks) },
  }
}

/** `eth_capabilities`: how far back what can be read, as geth answers it. */
export function capabilitiesMethod({ read, heads, family, history }: EthView): RpcMethod {
  return async (_, caller) => {
    const { unsafe, finalized } = heads()
    const { hash } = await read<{ hash: Hash }>('eth_getBlockByNumber', [hex(unsafe), false], caller)
    const [states, bodies] =
      family === 'op'
        ? [window(history.states, finalized), window(history.bodies, finalized)]
        : [window(keptStates[family], unsafe), window(0, unsafe)]
    const head = { number: hex(unsafe), hash }
    return { head, state: states, tx: bodies, logs: bodies, receipts: bodies, blocks: bodies, stateproofs: states }
  }
}
