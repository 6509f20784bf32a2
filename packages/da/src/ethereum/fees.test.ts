import { describe, expect, it } from 'vitest'
import { classifySendFailure, type SendFailure } from './failure.js'
import { brokenFeeLimit, bumpFees, calldataGas, cheaperDa, firstFees } from './fees.js'
import { createTransactionManager } from './transaction-manager.js'

const gwei = 10n ** 9n
const floors = { minTipWei: gwei, minBaseFeeWei: gwei, minBlobCapWei: gwei }

describe('a first attempt', () => {
  const suggested = async (tip: bigint | undefined) => {
    const answers: Record<string, unknown> = {
      eth_getBlockByNumber: {
        number: '0x1',
        hash: `0x${'11'.repeat(32)}`,
        timestamp: '0x1',
        baseFeePerGas: `0x${(gwei / 2n).toString(16)}`,
      },
      eth_blobBaseFee: '0x1',
      ...(tip === undefined ? {} : { eth_maxPriorityFeePerGas: `0x${tip.toString(16)}` }),
    }
    const request = async ({ method }: { method: string }): Promise<unknown> => {
      if (method in answers) return answers[method]
      throw new Error('the method does not exist')
    }
    const account = { address: `0x${'22'.repeat(20)}` as const, signTransaction: async () => '0x' as const }
    await using manager = createTransactionManager({ client: { request }, account })
    return manager.suggest('blob')
  }

  it('bids the tip that the node suggests, a hundredth of a gwei at least, and a whole one where it suggests none', async () => {
    expect((await suggested(gwei / 20n)).tip).toBe(gwei / 20n)
    expect((await suggested(1n)).tip).toBe(gwei / 100n)
    expect((await suggested(undefined)).tip).toBe(gwei)
    expect((await suggested(gwei / 20n)).cap).toBe(gwei / 20n + 2n * gwei)
  })
})

describe('bumpFees', () => {
  // Source: op-service/txmgr, TestUpdateFees: an old tip of 100 over an old base fee of 1000.
  const old = { tip: 100n, cap: 2100n, blobCap: undefined }
  const oldBlob = { ...old, blobCap: 7n }
  it.each([
    { kind: 'calldata', tip: 90n, base: 900n, want: [110n, 2310n] },
    { kind: 'blob', tip: 90n, base: 900n, want: [200n, 4200n] },
    { kind: 'calldata', tip: 101n, base: 2000n, want: [110n, 4110n] },
    { kind: 'blob', tip: 101n, base: 3000n, want: [200n, 6200n] },
    { kind: 'calldata', tip: 120n, base: 900n, want: [120n, 2310n] },
    { kind: 'calldata', tip: 120n, base: 1140n, want: [120n, 2400n] },
    { kind: 'blob', tip: 220n, base: 2040n, want: [220n, 4300n] },
  ])('$kind at tip $tip and base fee $base', ({ kind, tip, base, want }) => {
    const bumped = bumpFees(kind === 'blob' ? oldBlob : old, { tip, baseFee: base, blobBaseFee: 3n })
    expect([bumped.tip, bumped.cap]).toEqual(want)
  })

  it('doubles the blob cap, or follows the market where that is higher', () => {
    const market = { tip: 1n, baseFee: 1n, blobBaseFee: 3n }
    expect(bumpFees(oldBlob, market).blobCap).toBe(14n)
    expect(bumpFees(oldBlob, { ...market, blobBaseFee: 100n }).blobCap).toBe(100n)
  })
})

describe('firstFees', () => {
  it('caps at the tip and twice the base fee, never below the floors', () => {
    const market = { tip: 2n * gwei, baseFee: 30n * gwei, blobBaseFee: 5n * gwei }
    expect(firstFees(market, true, floors)).toEqual({ tip: 2n * gwei, cap: 62n * gwei, blobCap: 10n * gwei })
    expect(firstFees({ tip: 1n, baseFee: 1n, blobBaseFee: 1n }, true, floors)).toEqual({
      tip: gwei,
      cap: 3n * gwei,
      blobCap: gwei,
    })
  })
})

describe('brokenFeeLimit', () => {
  const limits = { maxCapWei: undefined, maxBlobCapWei: undefined, multiple: 5n, multipleAboveWei: 100n * gwei }
  const market = { tip: gwei, baseFee: 10n * gwei, blobBaseFee: gwei }
  it('lets fees run below the threshold, and stops them at a multiple above it', () => {
    expect(brokenFeeLimit({ tip: 99n * gwei, cap: 99n * gwei, blobCap: undefined }, market, floors, limits)).toBe(
      undefined,
    )
    expect(brokenFeeLimit({ tip: gwei, cap: 106n * gwei, blobCap: undefined }, market, floors, limits)).toBe(
      'fee cap multiple',
    )
    expect(brokenFeeLimit({ tip: gwei, cap: 105n * gwei, blobCap: undefined }, market, floors, limits)).toBe(undefined)
  })
})

describe('cheaperDa', () => {
  // Source: op-batcher, ChannelConfig tests: tip 1e3, base fee 1e6, three blobs against 120 000 bytes of calldata.
  const at = (blobBaseFee: bigint, gasPerByte: bigint) =>
    cheaperDa({ gasPrice: 1_001_000n, blobBaseFee, calldataBytes: 120_000, blobs: 3, gasPerByte })
  it('switches where the price per byte crosses', () => {
    expect(at(1n, 16n)).toBe('blobs')
    expect(at(16_000_000n, 16n)).toBe('blobs')
    expect(at(16_100_000n, 16n)).toBe('calldata')
    expect(at(1_000_000_000n, 16n)).toBe('calldata')
  })
  it('counts the floor price of calldata since EIP-7623', () => {
    expect(at(16_100_000n, 40n)).toBe('blobs')
    expect(cheaperDa({ gasPrice: 1_001_000n, blobBaseFee: 16_100_000n, calldataBytes: 120_000, blobs: 3 })).toBe(
      'blobs',
    )
  })
})

describe('calldataGas', () => {
  it('is the floor of EIP-7623', () => {
    expect(calldataGas(new Uint8Array())).toBe(21_000n)
    expect(calldataGas(Uint8Array.of(0, 0, 1))).toBe(21_060n)
  })
})

describe('classifySendFailure', () => {
  const table: readonly (readonly [string, SendFailure])[] = [
    ['already known', 'known'],
    ['transaction already imported', 'known'],
    ['ALREADY_EXISTS: already known', 'known'],
    ['nonce too low: next nonce 5, tx nonce 4', 'nonce-too-low'],
    ['OldNonce', 'nonce-too-low'],
    ['nonce too high', 'nonce-too-high'],
    ['replacement transaction underpriced', 'replacement-underpriced'],
    [
      'replacement transaction underpriced: new tx gas fee cap 1 <= 1 queued + 100% replacement penalty',
      'replacement-underpriced',
    ],
    ['transaction underpriced: tip needed 1', 'underpriced'],
    ['max fee per gas less than block base fee: address 0x00', 'underpriced'],
    ['Block `blob_gas_price` is greater than tx-specified `max_fee_per_blob_gas` after Cancun hardfork', 'underpriced'],
    ['address already reserved', 'reserved'],
    ['insufficient funds for gas * price + value: balance 0', 'insufficient-funds'],
    ['txpool is full', 'pool-full'],
    ['intrinsic gas too low', 'rejected'],
    ['too many blobs in one transaction, have: 7, max: 6', 'rejected'],
    ['invalid KZG proof', 'rejected'],
    ['legacy blob tx is not supported', 'rejected'],
    ['unexpected eip-4844 sidecar after osaka', 'rejected'],
    ['Failed to decode transaction', 'rejected'],
    ['429 Too Many Requests', 'unreachable'],
    ['fetch failed', 'unreachable'],
    ['The request took too long to respond.', 'unreachable'],
  ]
  it.each(table)('%s', (message, expected) => {
    expect(classifySendFailure(new Error(message))).toBe(expected)
    // viem hides the node's words some causes down, and repeats the request above them.
    const cause = Object.assign(new Error('RPC Request failed.'), { details: message })
    // A transaction with blobs makes that longer than everything else.
    for (const bytes of [500, 300_000]) {
      const request = `Request body: {"params":["0x${'ab'.repeat(bytes)}"]}`
      const outer = new Error(`HTTP request failed.\nURL: https://node/key\n${request}`, { cause })
      expect(classifySendFailure(outer)).toBe(expected)
      // As one error, with the node's words at its end and the code of whatever was refused.
      const whole = new Error(`Transaction creation failed.\n\nURL: https://node\n${request}\n\nDetails: ${message}`)
      if (expected !== 'unreachable') expect(classifySendFailure(Object.assign(whole, { code: -32003 }))).toBe(expected)
    }
  })
})
