import { L2Error } from '@l2/common'

/** Every code a {@link SequencerError} can carry. */
export type SequencerErrorCode =
  /** Bytes are not canonical RLP. */
  | 'RLP_INVALID'
  // batch
  /** Bytes that are no batch, or one that op-node refuses. */
  | 'BATCH_INVALID'
  /** A span batch that can be read, and whose transactions cannot be rebuilt: readers pass over it. */
  | 'BATCH_UNDERIVABLE'
  /** A value given to an encoder does not fit its field. */
  | 'BATCH_FIELD_INVALID'
  /** A transaction that a span batch cannot carry: another chain's, a blob's, a deposit, or malformed. */
  | 'BATCH_TRANSACTION_UNSUPPORTED'
  // channel
  /** Data of a batcher transaction that is no frames and no commitment; all of it is to be ignored. */
  | 'BATCHER_TRANSACTION_INVALID'
  /** A value given to the frame encoder does not fit its field. */
  | 'FRAME_INVALID'
  /** Options of a channel that contradict each other or a limit. */
  | 'CHANNEL_OPTIONS'
  /** One block alone is beyond what a channel may decompress to. */
  | 'CHANNEL_BLOCK_TOO_LARGE'
  /** `add` or `close` on a channel that is closed. */
  | 'CHANNEL_CLOSED'
  // compression
  /** The channel is compressed with an algorithm for which no port was given. */
  | 'COMPRESSION_UNAVAILABLE'
  /** The compressor failed; its cause says how. */
  | 'COMPRESSION_FAILED'
  // metis
  /** Calldata that is no Metis inbox transaction, or values that do not fit one. */
  | 'METIS_INBOX_INVALID'
  // transaction: each knows the message and JSON-RPC code that geth answers with, see `toJsonRpcError`
  /** Not a transaction: RLP, field sizes or signature values are wrong. */
  | 'TX_MALFORMED'
  /** A type that a rollup does not take at its door: blobs (3), deposits (0x7e), or unknown. */
  | 'TX_TYPE_UNSUPPORTED'
  /** More bytes than the limit. */
  | 'TX_OVERSIZED'
  /** Signed for another chain. */
  | 'TX_WRONG_CHAIN'
  /** Signed for no chain (before EIP-155), and the door does not take such. */
  | 'TX_UNPROTECTED'
  /** The signature recovers to no account, or its `s` is in the upper half. */
  | 'TX_INVALID_SENDER'
  /** The priority fee is above the fee cap. */
  | 'TX_TIP_ABOVE_FEE_CAP'
  /** The gas limit does not pay for the transaction itself. */
  | 'TX_INTRINSIC_GAS'
  /** The gas limit is below the EIP-7623 floor. */
  | 'TX_FLOOR_GAS'
  /** Creation code above the EIP-3860 limit. */
  | 'TX_INITCODE_SIZE'
  /** The nonce that EIP-2681 forbids. */
  | 'TX_NONCE_MAX'
  /** `secp256k1` is not installed or has no binary for this platform. */
  | 'NATIVE_UNAVAILABLE'
  // mempool
  /** More gas than a block, or than one transaction may have. */
  | 'TX_GAS_LIMIT'
  /** A larger DA footprint than a block may have. */
  | 'TX_DA_LIMIT'
  /** Pays less than the pool's minimum, or less than the cheapest of a full pool. */
  | 'TX_UNDERPRICED'
  /** The fee cap is below the base fee, at a pool that does not keep such. */
  | 'TX_FEE_CAP_TOO_LOW'
  /** The pool has it. */
  | 'TX_ALREADY_KNOWN'
  /** Replaces a transaction without raising both fees enough. */
  | 'TX_REPLACEMENT_UNDERPRICED'
  | 'TX_NONCE_TOO_LOW'
  /** A nonce too far beyond the account's next one. */
  | 'TX_NONCE_TOO_HIGH'
  /** The balance does not pay for gas, value and data availability of this and the sender's other transactions. */
  | 'TX_INSUFFICIENT_FUNDS'
  /** The pool is full and this one may evict nobody. */
  | 'TX_POOL_FULL'
  /** The sender has as many transactions as one may have. */
  | 'TX_ACCOUNT_LIMIT'
  /** A delegated account, or one with a delegation pending, may have one transaction. */
  | 'TX_DELEGATED_LIMIT'
  /** A condition of a conditional transaction is malformed or does not hold. */
  | 'TX_CONDITION'
  /** A bundle that cannot be: empty, too long, out of range, or its parts do not follow one another. */
  | 'BUNDLE_INVALID'
  /** Options of the pool that contradict each other. */
  | 'MEMPOOL_OPTIONS'
  /** The journal cannot be read or written; nothing was acknowledged. */
  | 'JOURNAL_FAILED'
  /** Damage of the journal that no crash explains. */
  | 'JOURNAL_CORRUPT'
  // ordering
  /** Parameters that no policy can work with. */
  | 'POLICY_PARAMETERS'
  /** `next` or `settle` called out of turn. */
  | 'POLICY_MISUSE'
  /** A bid that the auction does not take. */
  | 'BID_INVALID'
  /** An express-lane message that the lane does not take. */
  | 'LANE_INVALID'
  /** A call that the auction's phase does not allow. */
  | 'AUCTION_PHASE'
  /** A withdrawal that the escrow does not allow. */
  | 'ESCROW_INVALID'
  /** A slice that does not continue its block. */
  | 'SLICE_INVALID'
  /** A ciphertext, share or key of the encrypted mempool that does not verify. */
  | 'THRESHOLD_INVALID'
  // access
  /** An access list, trace or lane count that cannot be read. */
  | 'ACCESS_INVALID'
  // fees
  /** A gas token price that is stale, from the future, older than the last or too far from it, or too low to be expressed. */
  | 'PRICE_REFUSED'
  /** There is no gas token price, or the last accepted one is too old to charge by. */
  | 'PRICE_UNAVAILABLE'
  /** Options of a price feed, fee recovery or oracle that cannot be, decimals or base-fee parameters out of range, or a negative amount. */
  | 'FEE_OPTIONS'
  // batcher
  /** Options of the batcher that contradict each other, or a step begun inside another. */
  | 'BATCHER_OPTIONS'
  /** The sequencing window of unposted blocks is over: they cannot become safe any more. */
  | 'BATCHER_WINDOW_EXPIRED'
  /** A submission would leave less in the wallet than the batcher must keep: nothing was posted. */
  | 'BATCHER_BALANCE'
  /** The batcher starts over: what was on its way is not needed any more, and may still arrive. */
  | 'BATCHER_WITHDRAWN'
  /** Rollups of a shared batcher that failed in a step; the others went on. */
  | 'BATCHER_ROLLUP_FAILED'
  /** Started while it runs, or stopped or flushed while it does not. */
  | 'BATCHER_STATE'
  /** None of a rollup's sequencers says that it is active. */
  | 'BATCHER_NO_SEQUENCER'
  /** L1 does not say whose turn it is to post, or says something else than derivation: nothing was posted. */
  | 'BATCHER_TURN_UNKNOWN'
  // economics
  /** Shares that are not a whole, amounts that cannot be, or an event out of order. */
  | 'ECONOMICS_INVALID'
  /** A fee splitter does not do this now; `reason` is the name of the contract's error. */
  | 'SPLITTER_REFUSED'
  // engine
  /** Options of an engine adapter that cannot be. */
  | 'ENGINE_OPTIONS'
  /** The engine cannot be reached, did not answer in time, or answered with something else than JSON-RPC. Try again. */
  | 'ENGINE_UNAVAILABLE'
  /** The engine refused a request, or what it answered contradicts itself. */
  | 'ENGINE_RPC'
  /** Payload attributes that are malformed, or that this engine cannot honour. */
  | 'ENGINE_ATTRIBUTES'
  /** Transactions that cannot be in the block; `details.indices` names them. */
  | 'ENGINE_TRANSACTION_INVALID'
  /** A block that the engine put together and then judged invalid: with these transactions there is none. */
  | 'ENGINE_PAYLOAD_INVALID'
  /** A block that the engine does not have. */
  | 'ENGINE_UNKNOWN_BLOCK'
  /** Executing a block gave another hash or state root than it claims. */
  | 'ENGINE_BLOCK_MISMATCH'
  /** Heads of which one is no ancestor of the next. */
  | 'ENGINE_FORKCHOICE'
  // output
  /** The engine has not the state of that block any more, or not yet: nothing can be proven of it. */
  | 'PROOFS_UNAVAILABLE'
  /** An answer to `eth_getProof` that does not prove what it tells, or a header that contradicts its state. */
  | 'PROOF_INVALID'
  // log, mempool and guard
  /** There is no room on the disk: nothing of the write is left, and the next one may succeed. Try again. */
  | 'DISK_FULL'
  // postgres
  /** Options of a database that cannot be, a password file that others may read, or a role that the server refuses. */
  | 'DATABASE_OPTIONS'
  /** The database does not answer: nothing was acknowledged, and what was asked may have taken effect. Try again. */
  | 'DATABASE_UNAVAILABLE'
  /** A database that may forget what it acknowledges: without fsync, with an asynchronous standby, with other tables. */
  | 'DATABASE_UNSAFE'
  // log
  /** A newer lease exists: this writer has lost, for good. */
  | 'LOG_FENCED'
  /** Not the next entry: sequence number or previous hash differ from the log's end. */
  | 'LOG_CONFLICT'
  /** Somebody else holds the lease. */
  | 'LOG_LEASE_HELD'
  /** A damaged entry before the end of the log, which no crash explains. */
  | 'LOG_CORRUPT'
  /** Another process has the file open. */
  | 'LOG_LOCKED'
  /** The log was closed, or a write failed and its end is unknown: open it again. */
  | 'LOG_CLOSED'
  /** A payload over the limit. */
  | 'LOG_TOO_LARGE'
  /** An entry of the log that was deleted with those before it, as the operator wanted it. */
  | 'LOG_PRUNED'
  /** Options of a lease holder that cannot be. */
  | 'LOG_OPTIONS'
  // guard
  /** A second, different header at or below the signing watermark. */
  | 'GUARD_DOUBLE_SIGN'
  /** The watermark is older than what the log or L1 shows: an old copy. */
  | 'GUARD_STALE'
  /** A watermark file that cannot be read. */
  | 'GUARD_CORRUPT'
  /** Another process signs with this watermark. */
  | 'GUARD_LOCKED'
  /** The watermark could not be made durable: nothing was signed. */
  | 'GUARD_FAILED'
  // block
  /** A header field that does not fit its type. */
  | 'HEADER_INVALID'
  /** The key did not sign, or its signature does not count. */
  | 'SIGNER_FAILED'
  /** Bytes that are no sealed block. */
  | 'BLOCK_INVALID'
  /** Not the elected sequencer's turn, or nobody's. */
  | 'NOT_LEADER'
  /** Options of the block builder that cannot be. */
  | 'BUILDER_OPTIONS'
  // forced
  /** A forced-inclusion rule whose figures contradict each other. */
  | 'FORCED_RULE'
  // testing
  /** A contract suite found that an implementation does not keep the contract. */
  | 'CONFORMANCE_FAILED'
  // derivation
  /** A rollup configuration that contradicts itself; `details.issues` lists every problem. */
  | 'ROLLUP_CONFIG_INVALID'
  /** An encoded deposit, or a `TransactionDeposited` log, that cannot be read. Never skipped. */
  | 'DEPOSIT_INVALID'
  /** Not the calldata of an L1-info deposit. */
  | 'L1_INFO_INVALID'
  /** A `ConfigUpdate` log that cannot be read; derivation skips it. */
  | 'SYSTEM_CONFIG_LOG_INVALID'
  /** A value handed to derivation that it did not ask for, or that is not what it asked for. */
  | 'DERIVATION_INPUT_INVALID'
  /** L1 is not what derivation has read before (a reorg): start again from an earlier checkpoint. */
  | 'DERIVATION_RESET'
  /** L1 does not even have the block any more where derivation was told to begin. */
  | 'DERIVATION_START_LOST'
  /** An L1 node answered with something else than what was asked for. */
  | 'L1_RPC_INVALID'
  /** The engine refuses a block of deposits only, which must always be possible: the chain ends here, for everybody. */
  | 'DEPOSIT_BLOCK_REFUSED'
  /** A network upgrade's transactions are needed and were not given. */
  | 'UPGRADE_TRANSACTIONS_MISSING'
  /** Transactions that are not those of the network upgrade. */
  | 'UPGRADE_TRANSACTIONS_INVALID'
  /** Users' transactions for a block that must hold an upgrade's alone. */
  | 'UPGRADE_BLOCK_TRANSACTIONS'
  /** An upgrade of the chain's own begins, whose rules are not here. */
  | 'FORK_WITHOUT_RULES'
  /** The engine has no block that it must have, at or below the derived head. Try again. */
  | 'L2_BLOCK_UNAVAILABLE'

/** The error of `@l2/sequencer-core`: stable `code`, `recovery`, machine-readable `details`. */
export class SequencerError extends L2Error<SequencerErrorCode> {
  override name = 'SequencerError'
}
