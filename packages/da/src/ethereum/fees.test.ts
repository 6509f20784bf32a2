import { describe, expect, it } from 'vitest'
import { createBlobTips } from './blob-tips.js'
import { brokenFeeLimit, bumpFees, cheaperDa, firstFees } from './fees.js'
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
    await using manager = createTransactionManager({}, { client: { request }, account })
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

describe('the tip of blob transactions', () => {
  const hex = (value: bigint) => `0x${value.toString(16)}`
  /** Blocks of blob transactions with these tips over a base fee of 10 gwei, and one of another kind that pays a lot. */
  const chain = (blocks: readonly (readonly bigint[] | undefined)[]) => {
    const asked: string[] = []
    const request = async ({ params }: { method: string; params?: unknown }): Promise<unknown> => {
      const [number] = params as [string]
      asked.push(number)
      const tips = blocks[Number(number)]
      if (tips === undefined) throw new Error('gone')
      const transactions = tips.map(tip => ({
        type: '0x3',
        maxPriorityFeePerGas: hex(tip),
        maxFeePerGas: hex(100n * gwei),
      }))
      const dear = { type: '0x2', maxPriorityFeePerGas: hex(50n * gwei), maxFeePerGas: hex(100n * gwei) }
      return { baseFeePerGas: hex(10n * gwei), transactions: [...transactions, dear] }
    }
    return { client: { request }, asked }
  }
  const settings = { blobTipBlocks: 4, blobTipPercentile: 60 }

  it('is what the given share of recent ones paid at most, each block read once', async () => {
    const { client, asked } = chain([[1n], [2n, 3n], [], [4n, 5n], [6n], [], [], [], [], []])
    const tips = createBlobTips(client, settings)
    expect(await tips.suggest(3n)).toBe(4n)
    expect(asked).toEqual(['0x3', '0x2', '0x1'])
    expect(await tips.suggest(3n)).toBe(4n)
    expect(await tips.suggest(4n)).toBe(4n)
    expect(asked).toEqual(['0x3', '0x2', '0x1', '0x4'])
    // Out of the window.
    expect(await tips.suggest(8n)).toBe(undefined)
  })

  it('is at most what a transaction can pay above the base fee, and unknown where nothing is', async () => {
    const { client } = chain([[200n * gwei], undefined])
    expect(await createBlobTips(client, settings).suggest(0n)).toBe(90n * gwei)
    expect(await createBlobTips(client, settings).suggest(1n)).toBe(90n * gwei)
    expect(await createBlobTips(chain([undefined]).client, settings).suggest(0n)).toBe(undefined)
    expect(await createBlobTips(client, { ...settings, blobTipBlocks: 0 }).suggest(0n)).toBe(undefined)
  })

  it('is not that of calldata, in a first attempt as in a replacement', () => {
    const market = { tip: gwei, blobTip: 5n * gwei, baseFee: 10n * gwei, blobBaseFee: 1n }
    expect(firstFees(market, true, floors)).toMatchObject({ tip: 5n * gwei, cap: 25n * gwei })
    expect(firstFees(market, false, floors)).toMatchObject({ tip: gwei, cap: 21n * gwei })
    expect(firstFees({ ...market, blobTip: undefined }, true, { ...floors, minBlobTipWei: 3n * gwei }).tip).toBe(
      3n * gwei,
    )
    expect(bumpFees({ tip: gwei, cap: 21n * gwei, blobCap: gwei }, market).tip).toBe(5n * gwei)
    expect(bumpFees({ tip: gwei, cap: 21n * gwei, blobCap: undefined }, market).tip).toBe((gwei * 110n) / 100n)
  })
})
