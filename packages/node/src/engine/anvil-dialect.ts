import { RpcAnswerError } from '../rpc/client.js'
import type { Read, Reader } from './engine.js'

const isHash = (value: unknown): value is string => typeof value === 'string' && /^0x[0-9a-f]{64}$/i.test(value)

/** Reads of a state, and where its block stands. */
const stateAt: Readonly<Record<string, number>> = {
  eth_getBalance: 1,
  eth_getCode: 1,
  eth_getTransactionCount: 1,
  eth_call: 1,
  eth_estimateGas: 1,
  eth_createAccessList: 1,
  eth_getStorageAt: 2,
  eth_getProof: 2,
}

const invalid = (message: string): RpcAnswerError => new RpcAnswerError({ code: -32602, message })

/** A slot as anvil takes it: geth takes shorter ones, and none that are longer. */
function slot(value: unknown, argument: number): unknown {
  if (typeof value !== 'string' || !/^0x[0-9a-f]*$/i.test(value)) return value
  if (value.length > 66) throw invalid(`invalid argument ${argument}: hex string too long, want at most 32 bytes`)
  return `0x${value.slice(2).padStart(64, '0')}`
}

function question(method: string, params: readonly unknown[]): readonly unknown[] {
  const position = stateAt[method]
  const reference = position === undefined ? undefined : params[position]
  const asked = [...params]
  if (position !== undefined && isHash(reference)) asked[position] = { blockHash: reference }
  if (method === 'eth_getStorageAt') asked[1] = slot(asked[1], 1)
  if (method === 'eth_getProof' && Array.isArray(asked[1])) asked[1] = asked[1].map(key => slot(key, 1))
  return asked
}

type Receipt = Readonly<Record<string, unknown>>

function receipt(found: Receipt): Receipt {
  const { blobGasPrice, blobGasUsed, ...rest } = found
  const type = String(rest['type']).toLowerCase()
  const hexed = (value: unknown): unknown => (typeof value === 'number' ? `0x${value.toString(16)}` : value)
  return {
    ...rest,
    type,
    ...('blockTimestamp' in rest ? { blockTimestamp: hexed(rest['blockTimestamp']) } : {}),
    ...(type === '0x3' ? { blobGasPrice, blobGasUsed } : {}),
  }
}

function answer(method: string, found: unknown): unknown {
  if (found === null || typeof found !== 'object') return found
  if (method === 'eth_getTransactionReceipt') return receipt(found as Receipt)
  if (method === 'eth_getBlockReceipts') return (found as Receipt[]).map(receipt)
  return found
}

/** anvil's refusals, and what geth says in their place. */
const refusals: readonly [RegExp, (message: string) => { code: number; message: string }][] = [
  [
    /BlockOutOfRange/,
    message => {
      const [, height = '0', asked = '0'] = /height is (\d+) but requested was (\d+)/.exec(message) ?? []
      // Of a state that is gone geth names the root, which is gone here too.
      return BigInt(asked) > BigInt(height)
        ? { code: -32000, message: 'header not found' }
        : { code: -32000, message: 'missing trie node: the state of that block is not available' }
    },
  ],
  [/^insufficient funds/i, message => ({ code: -32000, message: `i${message.slice(1)}` })],
  [/EVM error OutOfGas|out of gas/i, () => ({ code: -32000, message: 'out of gas' })],
  [/^Method not found/i, () => ({ code: -32601, message: 'the method does not exist/is not available' })],
  [/resource not found|block not found/i, () => ({ code: -32000, message: 'header not found' })],
  [
    /^(data did not match|invalid type|invalid length|missing field|odd number|unknown)/i,
    () => ({ code: -32602, message: 'invalid argument' }),
  ],
]

function refusal(error: unknown): unknown {
  if (!(error instanceof RpcAnswerError) || error.code === 3) return error
  const known = refusals.find(([pattern]) => pattern.test(error.message))
  return known === undefined ? error : new RpcAnswerError(known[1](error.message))
}

/** anvil's reads as geth would take and answer them, where the two differ for clients. */
export function inGethsWords(read: Read): Read {
  return async <T>(method: string, params: readonly unknown[], reader?: Reader): Promise<T> => {
    try {
      let asked = question(method, params)
      if (method === 'eth_getBlockReceipts' && isHash(asked[0])) {
        const block = await read<{ number: string } | null>('eth_getBlockByHash', [asked[0], false], reader)
        if (block === null) return null as T
        asked = [block.number]
      }
      return answer(method, await read(method, asked, reader)) as T
    } catch (error) {
      throw refusal(error)
    }
  }
}
