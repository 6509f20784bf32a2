import fc from 'fast-check'
import { createPublicClient, custom, type Hex, HttpRequestError, http } from 'viem'
import { describe, expect, it } from 'vitest'
import { serve } from '../../test/http.js'
import { classifySendFailure, wordsOfNode } from './classify.js'
import { sendFailureCures } from './cures.js'
import { nodeWords, type SendFailure } from './table.js'

const rpcError = (message: string, code = -32000) => ({ code, message })

/** What nodes really answered: measured on geth 1.17.8 and anvil 1.7.1, of the others as their sources and issues have it. */
const messages: readonly (readonly [said: string, means: SendFailure, code?: number])[] = [
  // go-ethereum, measured
  ['already known', 'known'],
  ['account limit exceeded: pooled 16 txs', 'account-limit'],
  ['nonce too high: tx nonce 4, gapped nonce 1', 'nonce-too-high'],
  ['nonce too low: next nonce 2, tx nonce 0', 'nonce-too-low'],
  ['transaction gas price below minimum: gas tip cap 0, minimum needed 1', 'underpriced'],
  ['transaction gas price below minimum: blob fee cap 0, minimum needed 1', 'underpriced'],
  ['tx fee (1.05 ether) exceeds the configured cap (1.00 ether)', 'fee-cap'],
  ['replacement transaction underpriced: new tx gas tip cap 1000000 <= 1000000 queued', 'replacement-underpriced'],
  [
    'replacement transaction underpriced: new tx gas fee cap 1 < 2 queued + 100% replacement penalty',
    'replacement-underpriced',
  ],
  ['address already reserved', 'reserved'],
  ['insufficient funds for gas * price + value: balance 1, tx cost 2, overshot 1', 'insufficient-funds'],
  ['transaction gas limit too high (cap: 16777216, tx: 17000000)', 'rejected'],
  ["KZG verification error: can't verify opening proof", 'invalid-proof'],
  ['intrinsic gas too low: gas 20000, minimum needed 21000', 'rejected'],
  ['insufficient gas for floor data gas cost: gas 21000, minimum needed 61000', 'rejected'],
  ['transaction blob limit exceeded: blob count 7, limit 6', 'too-many-blobs'],
  ['Wrong sidecar format: unexpected sidecar version, want: 1, got: 0', 'wrapper-version'],
  ['transaction underpriced: tip needed 1, tip permitted 0', 'underpriced'],
  ['txpool is full', 'pool-full'],
  ['in-flight transaction limit reached for delegated accounts', 'account-limit'],
  ['gapped-nonce tx from delegated accounts', 'nonce-too-high'],
  ['future transaction tries to replace pending', 'nonce-too-high'],
  ['only replay-protected (EIP-155) transactions allowed over RPC', 'rejected'],
  ['max fee per gas less than block base fee: address 0x00, maxFeePerGas: 1, baseFee: 7', 'underpriced'],
  ['the method eth_sendRawTransaction does not exist/is not available', 'unauthorized', -32601],
  ['content length too large (6291456>5242880)', 'request-too-large'],
  // Nethermind, of this year and before
  ['pending transaction type conflict', 'reserved', -32010],
  ['PendingTxsOfConflictingType', 'reserved', -32010],
  ['nonce too far in future', 'nonce-too-high', -32010],
  ['NonceTooFarInFuture', 'nonce-too-high', -32010],
  ['NonceGap, Future nonce. Expected nonce: 5', 'nonce-too-high', -32010],
  ['nonce too high, Future nonce. Expected nonce: 5', 'nonce-too-high', -32010],
  ['node is syncing', 'syncing', -32010],
  ['Syncing', 'syncing', -32010],
  ['AlreadyKnown', 'known', -32010],
  ['OldNonce, Current nonce: 7, nonce of rejected tx: 6', 'nonce-too-low', -32010],
  ['ReplacementNotAllowed', 'replacement-underpriced', -32010],
  ['FeeTooLow, MaxFeePerBlobGas needs to be at least 1', 'underpriced', -32010],
  ['FeeTooLowToCompete', 'underpriced', -32010],
  ['transaction underpriced, EffectivePriorityFeePerGas too low 1 < 2', 'underpriced', -32010],
  ['InsufficientFunds, Balance is 0 less than sending value', 'insufficient-funds', -32010],
  ['MaxTxSizeExceeded, tx size 200000, max tx size 131072', 'rejected', -32010],
  ['unsupported transaction type', 'rejected', -32010],
  // Besu
  ['Known transaction', 'known'],
  ['Transaction nonce is too distant from current sender nonce', 'nonce-too-high'],
  ['An invalid transaction with a lower nonce exists', 'nonce-too-high'],
  ['Nonce too low', 'nonce-too-low', -32001],
  ['Transaction fee cap exceeded', 'fee-cap'],
  ['Gas price below configured minimum gas price', 'underpriced', -32009],
  ['Gas price below current base fee', 'underpriced', -32009],
  ['blob gas price below current blob base fee', 'underpriced', -32009],
  ['Upfront cost exceeds account balance', 'insufficient-funds', -32004],
  ['Transaction gas limit exceeds block gas limit', 'rejected', -32005],
  ['Initial sync is still in progress', 'syncing', -32008],
  ['Transaction pool not enabled. (Either txpool explicitly disabled, or node not yet in sync).', 'syncing', -32002],
  ['Sender account not authorized to send transactions', 'unauthorized', -32007],
  ['Total blob gas too high', 'too-many-blobs'],
  ['blobs failed kzg validation', 'invalid-proof', -32603],
  ['Wrong chainId', 'rejected'],
  // Erigon
  ['ALREADY_EXISTS: already known', 'known'],
  ['existing txn with same hash', 'known'],
  ['INTERNAL_ERROR: could not replace existing tx', 'replacement-underpriced'],
  ['UNDERPRICED: fee too low', 'underpriced'],
  ['FEE_TOO_LOW: underpriced', 'underpriced'],
  ["can't replace blob-txn with a non-blob-txn", 'reserved'],
  ['blobs limit in txpool is full', 'pool-full'],
  ['baseFee sub-pool is full', 'pool-full'],
  ['spammer', 'account-limit'],
  ['max number of blobs exceeded', 'too-many-blobs'],
  ["KZGcommitment's versioned hash has to be equal to blob_versioned_hash at the same index", 'invalid-proof'],
  ['RLPTooLong', 'rejected'],
  // reth
  ['tx fee (1050000000000000000 wei) exceeds the configured cap (1000000000000000000 wei)', 'fee-cap'],
  ['transaction type conflict: account has existing conflicting transaction type', 'reserved'],
  ['transaction type 2 conflicts with existing transaction for 0x00', 'reserved'],
  ['nonce gap too large', 'nonce-too-high'],
  ['blob transaction nonce gap', 'nonce-too-high'],
  ['account has exceeded its slot limit', 'account-limit'],
  ['rejected due to 0x00 being identified as a spammer', 'account-limit'],
  ['transaction discarded outright due to pool size constraints', 'pool-full'],
  ['transaction priority fee below minimum required priority fee 1', 'underpriced'],
  ['transaction overdraws from account', 'insufficient-funds'],
  ['exceeds max transaction gas limit', 'rejected', -32003],
  ['oversized data: transaction size 200000, limit 131072', 'rejected'],
  ['unexpected eip-4844 sidecar after osaka', 'wrapper-version'],
  ['wrong versioned hash: have 0x00, expected 0x01', 'invalid-proof'],
  ['blob transaction exceeds max blobs per block; got 10', 'too-many-blobs'],
  ['failed to decode signed transaction', 'rejected', -32602],
  // anvil, measured
  ['transaction already imported', 'known', -32003],
  ['replacement transaction underpriced', 'replacement-underpriced', -32003],
  ['Insufficient funds for gas * price + value', 'insufficient-funds', -32003],
  ['Block `blob_gas_price` is greater than tx-specified `max_fee_per_blob_gas`', 'underpriced', -32003],
  ['too many blobs in one transaction, have: 7, max: 6', 'too-many-blobs', -32003],
  ['invalid KZG proof', 'invalid-proof', -32603],
  ['Unknown transaction type not supported', 'rejected', -32602],
  ['Failed to decode transaction', 'rejected', -32602],
  // Providers
  ['daily request count exceeded, request rate limited', 'rate-limited', -32005],
  ['project ID request rate exceeded', 'rate-limited', -32005],
  ['Your app has exceeded its compute units per second capacity.', 'rate-limited', 429],
  ['15/second request limit reached - reduce calls per second', 'rate-limited', -32007],
  ['invalid project id', 'unauthorized', -32002],
  ['Must be authenticated!', 'unauthorized', -32600],
  ['rpc method is not whitelisted', 'unauthorized', -32601],
  ['nonce has already been used', 'nonce-too-low'],
]

describe('classifySendFailure', () => {
  it.each(nodeWords.map(({ words, means, source }) => [words, means, source] as const))(
    '"%s" is %s (%s)',
    (words, means) => {
      for (const text of [words, words.toUpperCase(), `err: ${words}, and more`]) {
        expect(classifySendFailure(rpcError(text))).toBe(means)
      }
    },
  )

  it.each(messages.map(([said, means, code = -32000]) => [said, means, code] as const))('%s', (said, means, code) => {
    expect(classifySendFailure(new Error(said))).toBe(means)
    expect(classifySendFailure(rpcError(said, code))).toBe(means)
    // ethers, web3.js, a wallet
    expect(classifySendFailure({ code: 'UNKNOWN_ERROR', error: rpcError(said, code) })).toBe(means)
    expect(classifySendFailure({ info: { error: rpcError(said, code) }, shortMessage: 'could not coalesce' })).toBe(
      means,
    )
    expect(classifySendFailure(Object.assign(new Error('rejected'), { innerError: rpcError(said, code) }))).toBe(means)
    expect(wordsOfNode({ cause: rpcError(said, code) })).toBe(said)
  })

  it('sees the same meaning through viem, whatever is sent and however the node answers', async () => {
    let answer: readonly [status: number, said: string, code: number] = [200, '', 0]
    const server = await serve((_, response) => {
      const [status, message, code] = answer
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, error: { code, message } }))
    })
    try {
      const client = createPublicClient({ transport: http(`${server.url}/key`, { retryCount: 0 }) })
      // Longer than anything that a node says.
      const params: [Hex] = [`0x03${'ab'.repeat(100_000)}`]
      const thrown = () => client.request({ method: 'eth_sendRawTransaction', params }).catch((error: unknown) => error)
      for (const [said, means, code = -32000] of messages) {
        for (const status of [200, 400]) {
          answer = [status, said, code]
          const error = await thrown()
          expect([said, classifySendFailure(error)]).toEqual([said, means])
          expect(wordsOfNode(error)).toBe(said)
        }
      }
    } finally {
      await server.close()
    }
  })

  it('takes nothing that it does not know for a refusal for good', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: -32768, max: -1 }), (said, code) => {
        fc.pre(!nodeWords.some(({ words }) => said.toLowerCase().includes(words)))
        const failure = classifySendFailure(rpcError(said, code))
        expect(sendFailureCures[failure].recovery === 'retry' || failure === 'unauthorized').toBe(true)
        expect(['unknown', 'rate-limited', 'unauthorized']).toContain(failure)
      }),
    )
    expect(classifySendFailure(rpcError('not on a Sunday'))).toBe('unknown')
    expect(classifySendFailure(rpcError('Invalid params', -32602))).toBe('unknown')
  })

  it('tells no answer from an answer', () => {
    const silent = [
      new TypeError('fetch failed', {
        cause: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
      }),
      new DOMException('The operation was aborted due to timeout', 'TimeoutError'),
      new Error('socket hang up'),
      'gone',
      undefined,
      null,
      new HttpRequestError({ url: 'http://node/key', status: 502, details: 'Bad Gateway' }),
    ]
    for (const error of silent) expect(classifySendFailure(error)).toBe('unreachable')
    const statuses = {
      401: 'unauthorized',
      403: 'unauthorized',
      413: 'request-too-large',
      429: 'rate-limited',
    } as const
    for (const [status, means] of Object.entries(statuses)) {
      const error = new HttpRequestError({ url: 'http://node/key', status: Number(status), details: '<html>' })
      expect(classifySendFailure(error)).toBe(means)
    }
  })

  it('ends on errors that cause themselves', () => {
    const error: { message: string; cause?: unknown } = { message: 'nonce too low' }
    error.cause = { data: error, cause: error }
    expect(classifySendFailure(error)).toBe('nonce-too-low')
  })

  it('does not read a meaning into what the client says around the node', async () => {
    // Each code of viem has a text of its own.
    for (const code of [-32700, -32600, -32602, -32603, -32000, -32001, -32002, -32003, -32004, -32006]) {
      const client = createPublicClient({
        transport: custom(
          { request: async () => Promise.reject(rpcError('not on a Sunday', code)) },
          { retryCount: 0 },
        ),
      })
      const error = await client.request({ method: 'eth_sendRawTransaction', params: ['0x03'] }).catch(thrown => thrown)
      expect([code, classifySendFailure(error)]).toEqual([code, 'unknown'])
      expect(wordsOfNode(error)).toBe('not on a Sunday')
    }
  })
})

describe('nodeWords', () => {
  it('give each text one meaning', () => {
    const meanings = new Map<string, string>()
    for (const { words, means } of nodeWords) {
      expect(words).toBe(words.toLowerCase())
      expect([words, meanings.get(words) ?? means]).toEqual([words, means])
      meanings.set(words, means)
    }
  })

  it('have a cure for each meaning', () => {
    for (const { means } of nodeWords) expect(sendFailureCures[means].cure).not.toBe('')
  })
})
