import fc from 'fast-check'
import type { Hex } from 'viem'
import type { SealedBlock } from '../sealed-block.js'

const uint64 = fc.bigInt(0n, 2n ** 64n - 1n)
const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((value): Hex => `0x${Buffer.from(value).toString('hex')}`)
const hash = bytes(32)

/** Well-formed sealed blocks with random content. */
export const arbitrarySealedBlock: fc.Arbitrary<SealedBlock> = fc
  .record({
    header: fc.record({
      epochId: uint64,
      term: fc.integer({ min: 0, max: 0xffffffff }),
      height: uint64,
      parentHash: hash,
      txRoot: hash,
      stateRoot: hash,
      timestamp: uint64,
      l1OriginNumber: uint64,
      l1OriginHash: hash,
      forcedUpTo: uint64,
    }),
    hash,
    receiptsRoot: hash,
    gasLimit: uint64,
    gasUsed: uint64,
    baseFeePerGas: fc.bigInt(0n, 2n ** 256n - 1n),
    prevRandao: hash,
    suggestedFeeRecipient: bytes(20),
    withdrawals: fc.constantFrom(undefined, [] as const),
    parentBeaconBlockRoot: fc.option(hash, { nil: undefined }),
    noTxPool: fc.boolean(),
    eip1559Params: fc.option(bytes(8), { nil: undefined }),
    minBaseFee: fc.option(uint64, { nil: undefined }),
    transactions: fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }),
    given: fc.nat(),
    signature: bytes(65),
  })
  .map(({ header, signature, ...rest }) => ({
    header,
    signature,
    executed: {
      number: header.height,
      hash: rest.hash,
      parentHash: header.parentHash,
      stateRoot: header.stateRoot,
      transactionsRoot: header.txRoot,
      receiptsRoot: rest.receiptsRoot,
      timestamp: header.timestamp,
      gasLimit: rest.gasLimit,
      gasUsed: rest.gasUsed,
      baseFeePerGas: rest.baseFeePerGas,
      transactions: rest.transactions,
    },
    attributes: {
      timestamp: header.timestamp,
      prevRandao: rest.prevRandao,
      suggestedFeeRecipient: rest.suggestedFeeRecipient,
      withdrawals: rest.withdrawals,
      parentBeaconBlockRoot: rest.parentBeaconBlockRoot,
      transactions: rest.transactions.slice(0, rest.given % (rest.transactions.length + 1)),
      noTxPool: rest.noTxPool,
      gasLimit: rest.gasLimit,
      eip1559Params: rest.eip1559Params,
      minBaseFee: rest.minBaseFee,
    },
  }))
