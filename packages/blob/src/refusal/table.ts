/** What a node, or a provider before it, means by not taking a transaction. Each has a cure of its own: {@link sendFailureCures}. */
export type SendFailure =
  /** It has the transaction already: a success. */
  | 'known'
  /** The nonce is used: something with it was mined. */
  | 'nonce-too-low'
  /** Another transaction with this nonce is pending, and this one does not pay enough to replace it. */
  | 'replacement-underpriced'
  /** The node misses transactions before this one. */
  | 'nonce-too-high'
  /** Below what the pool or the next block wants. */
  | 'underpriced'
  /** The node sends nothing on that may cost as much as this: a limit of its own, at today's price. */
  | 'fee-cap'
  /** The account has transactions of the other kind (blob or not) pending, and a pool takes one kind of an account. */
  | 'reserved'
  | 'insufficient-funds'
  /** The account has as many transactions pending as it may have there. */
  | 'account-limit'
  | 'pool-full'
  | 'syncing'
  /** The node or provider asks to be asked less often. */
  | 'rate-limited'
  /** The node or provider takes no transactions from us: credentials, permission, or a method that it does not offer. */
  | 'unauthorized'
  /** The request is longer than the node, or a proxy before it, reads. */
  | 'request-too-large'
  | 'too-many-blobs'
  /** Proofs in the wrapper version of another fork. */
  | 'wrapper-version'
  /** Blobs, commitments, proofs and hashes do not fit each other. */
  | 'invalid-proof'
  /** Refused for what it is: no retry helps. */
  | 'rejected'
  /** Refused in words that are not known here: perhaps not for good. */
  | 'unknown'
  /** No answer: the transaction may or may not have arrived. */
  | 'unreachable'

/** Words by which a node says something, and where they come from. */
export type NodeWords = { readonly words: string; readonly means: SendFailure; readonly source: string }

type Group = readonly (readonly [means: SendFailure, words: readonly string[]])[]

const clients: Record<string, Group> = {
  // core/txpool/errors.go, core/txpool/validation.go, core/txpool/{blob,legacy}pool, core/error.go, internal/ethapi/api.go, rpc/http.go
  'go-ethereum v1.17.8': [
    ['known', ['already known']],
    ['account-limit', ['account limit exceeded', 'in-flight transaction limit reached', 'authority already reserved']],
    ['reserved', ['address already reserved']],
    ['replacement-underpriced', ['replacement transaction underpriced']],
    [
      'nonce-too-high',
      ['nonce too high', 'gapped-nonce tx', 'gapped nonce', 'future transaction tries to replace pending'],
    ],
    ['nonce-too-low', ['nonce too low']],
    ['fee-cap', ['exceeds the configured cap']],
    ['pool-full', ['txpool is full', 'out of capacity', 'conversion queue is overloaded', 'conversion is interrupted']],
    ['insufficient-funds', ['insufficient funds']],
    [
      'wrapper-version',
      ['legacy blob sidecar unsupported', 'legacy blob tx', 'unexpected sidecar version', 'wrong sidecar format'],
    ],
    ['too-many-blobs', ['transaction blob limit exceeded', 'blob transaction has too many blobs', 'too many blobs']],
    [
      'invalid-proof',
      [
        'kzg verification error',
        'missing sidecar in blob transaction',
        'blobless blob transaction',
        'blobs compared to',
        'proofs compared to',
        'blob transaction missing blob hashes',
      ],
    ],
    [
      'underpriced',
      [
        'transaction underpriced',
        'transaction gas price below minimum',
        'max fee per gas less than block base fee',
        'max fee per blob gas less than block blob gas fee',
      ],
    ],
    ['request-too-large', ['content length too large']],
    [
      'rejected',
      [
        'intrinsic gas too low',
        'insufficient gas for floor data gas cost',
        'exceeds block gas limit',
        'transaction gas limit too high',
        'oversized data',
        'negative value',
        'invalid sender',
        'sender not an eoa',
        'transaction type not supported',
        'only replay-protected',
        'invalid chain id',
        'max priority fee per gas higher than',
        'max fee per gas higher than',
        'nonce has max value',
        'gas uint64 overflow',
        'max initcode size exceeded',
        'rlp:',
      ],
    ],
    ['syncing', ['transaction indexing is in progress']],
    ['unauthorized', ['does not exist/is not available']],
  ],
  // Nethermind.TxPool/AcceptTxResult.cs and Nethermind.Core/Messages/TxPoolErrorMessages.cs (2026)
  'Nethermind 2026': [
    ['known', ['already known']],
    ['reserved', ['pending transaction type conflict']],
    ['nonce-too-high', ['nonce too far in future', 'future nonce', 'delegation nonce gap']],
    ['account-limit', ['delegation authority has pending transaction']],
    ['syncing', ['node is syncing']],
    [
      'rejected',
      [
        'failed to recover sender',
        'gas limit reached',
        'transaction cost overflow',
        'transaction invalid',
        'unsupported transaction type',
        'transaction too large',
      ],
    ],
  ],
  // The same, before the words became geth's: the names of the results
  'Nethermind 2022–2025': [
    ['known', ['alreadyknown']],
    ['reserved', ['pendingtxsofconflictingtype']],
    ['replacement-underpriced', ['replacementnotallowed', 'replacement not allowed']],
    ['nonce-too-low', ['oldnonce']],
    ['nonce-too-high', ['noncetoofarinfuture', 'noncegap', 'notcurrentnoncefordelegation']],
    ['underpriced', ['feetoolowtocompete', 'feetoolow']],
    ['insufficient-funds', ['insufficientfunds']],
    ['account-limit', ['delegatorhaspendingtx']],
    ['syncing', ['syncing']],
    [
      'rejected',
      [
        'failedtoresolvesender',
        'gaslimitexceeded',
        'int256overflow',
        'senderiscontract',
        'notsupportedtxtype',
        'maxtxsizeexceeded',
      ],
    ],
  ],
  // ethereum/api/…/jsonrpc/internal/response/RpcErrorType.java
  'Besu 2026': [
    ['known', ['known transaction']],
    ['replacement-underpriced', ['replacement transaction underpriced']],
    [
      'nonce-too-high',
      ['transaction nonce is too distant', 'nonce is too far in the future', 'transaction with a lower nonce exists'],
    ],
    ['nonce-too-low', ['nonce too low']],
    ['fee-cap', ['transaction fee cap exceeded']],
    ['syncing', ['transaction pool not enabled', 'initial sync is still in progress']],
    ['insufficient-funds', ['upfront cost exceeds account balance']],
    ['too-many-blobs', ['total blob gas too high', 'invalid blob count']],
    ['invalid-proof', ['blobs failed kzg validation']],
    [
      'underpriced',
      ['gas price below configured minimum', 'gas price below current', 'blob gas price below current blob base fee'],
    ],
    [
      'unauthorized',
      ['sender account not authorized', 'plugin has marked the transaction as invalid', 'method not enabled'],
    ],
    [
      'rejected',
      [
        'intrinsic gas exceeds gas limit',
        'transaction gas limit exceeds block gas limit',
        'invalid transaction type',
        'invalid signature',
        'wrong chainid',
        'chainid not supported',
        'chainid is required',
        'max priority fee per gas exceeds max fee per gas',
      ],
    ],
  ],
  // txnprovider/txpool/txpoolcfg/txpoolcfg.go, DiscardReason; turbo/jsonrpc/send_transaction.go
  'Erigon 3': [
    ['known', ['already_exists', 'existing txn with same hash']],
    ['reserved', ["can't replace blob-txn with a non-blob-txn"]],
    ['replacement-underpriced', ['could not replace existing tx']],
    ['fee-cap', ['exceeds the configuration cap']],
    ['account-limit', ['spammer']],
    ['pool-full', ['sub-pool is full', 'blobs limit in txpool is full']],
    ['too-many-blobs', ['max number of blobs exceeded']],
    ['invalid-proof', ["kzgcommitment's versioned hash", 'kzgcommitments must match', 'proofs must have equal number']],
    ['underpriced', ['fee too low', 'underpriced']],
    [
      'rejected',
      [
        'intrinsicgas',
        'gasuintoverflow',
        'rlptoolong',
        'initcode too large',
        'gas limit is too high',
        'fork supporting',
      ],
    ],
  ],
  // crates/rpc/rpc-eth-types/src/error/mod.rs (RpcPoolError, RpcInvalidTransactionError), crates/transaction-pool/src/error.rs, alloy-consensus
  'reth 2026': [
    ['known', ['already imported']],
    ['reserved', ['conflicts with existing transaction', 'conflicting transaction type', 'transaction type conflict']],
    ['replacement-underpriced', ['insufficient gas price to replace existing transaction']],
    ['nonce-too-high', ['nonce gap']],
    ['account-limit', ['being identified as a spammer', 'exceeded its slot limit']],
    ['pool-full', ['discarded outright due to pool size']],
    ['insufficient-funds', ['overdraws from account']],
    ['too-many-blobs', ['exceeds max blobs per block']],
    [
      'wrapper-version',
      ['unexpected eip-4844 sidecar', 'unexpected eip-7594 sidecar', 'cell proofs are not', 'unexpected wrapper'],
    ],
    [
      'invalid-proof',
      [
        'invalid kzg proof',
        'kzg error',
        'wrong versioned hash',
        'blob hash version mismatch',
        'blob sidecar not found',
      ],
    ],
    ['underpriced', ['below chain minimum', 'priority fee below minimum']],
    [
      'rejected',
      [
        'exceeds max transaction gas limit',
        "exceeds block's gas limit",
        'input data too large',
        'intrinsic gas too high',
        'gas limit too high',
        'sender is not an eoa',
        'failed to decode',
      ],
    ],
  ],
  // crates/anvil/src/eth/error/mod.rs
  'anvil 1.7.1': [
    ['known', ['transaction already imported']],
    ['underpriced', ['is greater than tx-specified']],
    ['too-many-blobs', ['too many blobs in one transaction']],
    ['invalid-proof', ['`blob_hashes` are required', 'should be at least one blob']],
    [
      'rejected',
      [
        'transaction gas limit is greater than the block gas limit',
        'incompatible eip-155',
        'empty transaction data',
        'unknown transaction type not supported',
        'not supported by the current hardfork',
        'cyclic transaction',
      ],
    ],
  ],
  // Error pages of Infura, Alchemy, QuickNode and dRPC; EIP-1474
  providers: [
    ['known', ['transaction already exists']],
    ['nonce-too-low', ['nonce has already been used', 'nonce is too low', 'nonce already used']],
    ['insufficient-funds', ['insufficient balance']],
    [
      'rate-limited',
      [
        'too many requests',
        'rate limit',
        'request rate exceeded',
        'request count exceeded',
        'compute units per second',
        'request limit reached',
        'credits limit reached',
      ],
    ],
    [
      'unauthorized',
      [
        'invalid project id',
        'project id does not have access',
        'invalid api key',
        'must be authenticated',
        'unauthorized',
        'not whitelisted',
        'method not found',
        'method is not available',
        'method not allowed',
      ],
    ],
    ['request-too-large', ['request entity too large', 'payload too large', 'request body too large']],
    ['syncing', ['not synced', 'initial sync']],
  ],
}

/**
 * What nodes and providers say when they do not take a transaction, as data: their words, lower case, what these mean, and whose they are.
 * JSON-RPC has no codes for it, so text is all there is. Longer words stand first, so that the first that occur in a message decide.
 *
 * @example
 * ```ts
 * import { nodeWords } from '@l2/blob'
 *
 * const { means, source } = nodeWords.find(({ words }) => words === 'pending transaction type conflict')!
 * console.log(means, 'by', source) // reserved by Nethermind 2026
 * ```
 */
export const nodeWords: readonly NodeWords[] = /* @__PURE__ */ sorted()

function sorted(): NodeWords[] {
  const all: NodeWords[] = []
  for (const [source, group] of Object.entries(clients)) {
    for (const [means, list] of group) for (const words of list) all.push({ words, means, source })
  }
  return all.sort((a, b) => b.words.length - a.words.length)
}
