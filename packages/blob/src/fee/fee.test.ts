import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type BlobParameters,
  blobBaseFee,
  blobBreakEven,
  blobCost,
  blobForkAt,
  blobForks,
  blobReservePrice,
  blobSchedules,
  bumpBlobFees,
  calldataCost,
  calldataGas,
  countBytes,
  fakeExponential,
  gasPerBlob,
  getBlobParameters,
  glamsterdamCalldata,
  nextExcessBlobGas,
  opCodec,
  quoteBlobFees,
  simpleCodec,
} from '../index.js'

const { cancun, prague, osaka, bpo1, bpo2 } = blobForks
const forks = Object.values(blobForks) as BlobParameters[]
const gwei = 1_000_000_000n

describe('fakeExponential', () => {
  it('has the values of the reference', () => {
    const at = (fork: BlobParameters): bigint => fakeExponential(1n, 50_000_000n, fork.baseFeeUpdateFraction)
    expect([cancun, prague, bpo1, bpo2].map(at)).toEqual([3_194_333n, 21_689n, 399n, 72n])
    for (const fork of forks) expect(blobBaseFee(10n * BigInt(fork.max) * gasPerBlob, fork)).toBe(10n)
  })

  it('is e^x rounded down, up to the small error of its series', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 30_000 }), thousandths => {
        const exact = Math.exp(thousandths / 1000) * 1e6
        const ours = Number(fakeExponential(1_000_000n, BigInt(thousandths), 1000n))
        expect(Math.abs(ours - exact)).toBeLessThanOrEqual(2 + exact * 1e-3)
      }),
      { seed: 1 },
    )
  })

  it('refuses what has no value, and what would never end', () => {
    for (const [factor, numerator, denominator] of [
      [-1n, 1n, 1n],
      [1n, -1n, 1n],
      [1n, 1n, 0n],
      [1n, 10n ** 30n, 1n],
    ] as const) {
      expect(() => fakeExponential(factor, numerator, denominator)).toThrow(
        expect.objectContaining({ code: 'FEE_INPUT' }),
      )
    }
  })
})

describe('nextExcessBlobGas', () => {
  it('has the values of the reference (EIP-7918 under bpo2 at 1 gwei)', () => {
    const next = (excessBlobGas: bigint, blobs: bigint): bigint =>
      nextExcessBlobGas({ excessBlobGas, blobGasUsed: blobs * gasPerBlob, baseFeePerGas: gwei }, bpo2)
    expect(next(0n, 15n)).toBe(655_360n)
    expect(next(0n, 13n)).toBe(0n)
    expect(next(0n, 14n)).toBe(611_669n)
    expect(next(0n, 21n)).toBe(917_504n)
    expect(next(200_000_000n, 21n)).toBe(200_917_504n)
    expect(next(200_000_000n, 0n)).toBe(200_000_000n)
    expect(next(240_000_000n, 0n)).toBe(238_164_992n)
  })

  it('before Osaka is what is above the target', () => {
    const parent = { excessBlobGas: 10n * gasPerBlob, blobGasUsed: 4n * gasPerBlob, baseFeePerGas: 10n ** 12n }
    expect(nextExcessBlobGas(parent, cancun)).toBe(11n * gasPerBlob)
    expect(nextExcessBlobGas(parent, prague)).toBe(8n * gasPerBlob)
  })

  it('grows with use and settles where the blob fee is a 16th of the base fee', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...forks),
        fc.bigInt(0n, 300_000_000n),
        fc.bigInt(1n, 1000n * gwei),
        fc.nat(21),
        (fork, excessBlobGas, baseFeePerGas, used) => {
          const at = (blobs: number): bigint =>
            nextExcessBlobGas(
              { excessBlobGas, baseFeePerGas, blobGasUsed: BigInt(Math.min(blobs, fork.max)) * gasPerBlob },
              fork,
            )
          expect(at(used + 1)).toBeGreaterThanOrEqual(at(used))
          expect(at(fork.max)).toBeGreaterThanOrEqual(excessBlobGas)
          const below = blobBaseFee(excessBlobGas, fork) < blobReservePrice(baseFeePerGas, fork)
          if (below && at(fork.target) !== 0n) expect(at(fork.target)).toBeGreaterThan(excessBlobGas)
        },
      ),
      { seed: 2 },
    )
    expect(blobReservePrice(16n * gwei, osaka)).toBe(gwei)
    expect(blobReservePrice(16n * gwei, prague)).toBe(0n)
  })

  it('moves the fee by the percentages of the forks', () => {
    const change = (fork: BlobParameters, blobs: number): string => {
      const excess = 20n * fork.baseFeeUpdateFraction
      const parent = { excessBlobGas: excess, blobGasUsed: BigInt(blobs) * gasPerBlob, baseFeePerGas: 1n }
      const [from, to] = [excess, nextExcessBlobGas(parent, fork)].map(gas => Number(blobBaseFee(gas, fork)))
      return ((to! / from! - 1) * 100).toFixed(2)
    }
    expect([cancun, prague, bpo1, bpo2].map(fork => change(fork, fork.max))).toEqual(['12.50', '8.17', '8.17', '8.17'])
    expect([cancun, prague, bpo1, bpo2].map(fork => change(fork, 0))).toEqual(['-11.11', '-14.53', '-14.53', '-14.53'])
  })
})

describe('blobForkAt', () => {
  it('finds the fork of a moment', () => {
    expect(blobForkAt(1, 1_710_338_135n).name).toBe('cancun')
    expect(blobForkAt(1, 1_746_612_310n).name).toBe('cancun')
    expect(blobForkAt(1, 1_764_798_551n)).toMatchObject({
      name: 'osaka',
      max: 9,
      wrapperVersion: 1,
      reservePrice: true,
    })
    expect(blobForkAt(1, 4_000_000_000n)).toMatchObject({ name: 'bpo2', target: 14, max: 21 })
    expect(blobForkAt(11_155_111, 1_760_427_359n).name).toBe('prague')
  })

  it('refuses what it does not know', () => {
    expect(() => blobForkAt(1, 1_710_338_134n)).toThrow(expect.objectContaining({ code: 'BLOB_SCHEDULE' }))
    expect(() => blobForkAt(31_337, 0n)).toThrow(expect.objectContaining({ code: 'BLOB_SCHEDULE' }))
  })

  it('lists every chain in the order of time', () => {
    for (const schedule of Object.values(blobSchedules)) {
      const times = schedule.map(fork => fork.activationTimeSeconds)
      expect(times).toEqual([...times].sort((a, b) => (a < b ? -1 : 1)))
    }
  })
})

/** A node that answers just these methods, as a test of what is made of the answers. */
function node(answers: Record<string, unknown>): { request(args: { method: string }): Promise<unknown> } {
  return {
    async request({ method }) {
      if (method in answers) return answers[method]
      throw Object.assign(new Error(`the method ${method} does not exist/is not available`), { code: -32601 })
    },
  }
}

const current = {
  activationTime: 0,
  blobSchedule: { target: 14, max: 21, baseFeeUpdateFraction: 11_684_671 },
  precompiles: { P256VERIFY: '0x0000000000000000000000000000000000000100' },
}

describe('getBlobParameters', () => {
  it('takes the node at its word', async () => {
    expect(await getBlobParameters(node({ eth_config: { current, next: null, last: null } }))).toEqual({
      target: 14,
      max: 21,
      baseFeeUpdateFraction: 11_684_671n,
      reservePrice: true,
      wrapperVersion: 1,
    })
    const before = { ...current, precompiles: {} }
    expect(await getBlobParameters(node({ eth_config: { current: before } }))).toMatchObject({
      reservePrice: false,
      wrapperVersion: 0,
    })
  })

  it('takes the next fork for the first block of it', async () => {
    const next = { ...current, activationTime: 1000, blobSchedule: { ...current.blobSchedule, max: 30 } }
    const at = (timestamp: number): Promise<BlobParameters> =>
      getBlobParameters(
        node({
          eth_config: { current, next },
          eth_getBlockByNumber: { timestamp: `0x${timestamp.toString(16)}` },
        }),
      )
    expect((await at(987)).max).toBe(21)
    expect((await at(988)).max).toBe(30)
  })

  it('falls back to the table where the node has no eth_config', async () => {
    const answers = { eth_chainId: '0x1', eth_getBlockByNumber: { timestamp: '0x69322a73' } }
    expect(await getBlobParameters(node(answers))).toMatchObject({ name: 'osaka' })
    expect(await getBlobParameters(node(answers), { timestamp: 1_800_000_000n })).toMatchObject({ name: 'bpo2' })
    await expect(getBlobParameters(node({ ...answers, eth_chainId: '0x7a69' }))).rejects.toMatchObject({
      code: 'BLOB_SCHEDULE',
    })
  })

  it('does not guess when the node fails, nor from nonsense', async () => {
    const failing = { request: () => Promise.reject(new Error('fetch failed https://node.example/secret')) }
    await expect(getBlobParameters(failing)).rejects.toMatchObject({ code: 'NODE_UNAVAILABLE', recovery: 'retry' })
    await expect(getBlobParameters(failing)).rejects.not.toThrow('secret')
    const nonsense = { ...current, blobSchedule: { target: 22, max: 21, baseFeeUpdateFraction: 1 } }
    await expect(getBlobParameters(node({ eth_config: { current: nonsense } }))).rejects.toMatchObject({
      code: 'RPC_RESPONSE',
    })
  })
})

describe('quoteBlobFees', () => {
  const history = {
    baseFeePerGas: ['0x1', '0x77359400'],
    baseFeePerBlobGas: ['0x1', '0x5'],
    reward: [['0x3b9aca00'], ['0x1'], ['0x77359400']],
  }

  it('reads the next block from the fee history', async () => {
    expect(await quoteBlobFees(node({ eth_config: { current }, eth_feeHistory: history }))).toMatchObject({
      baseFeePerGas: 2n * gwei,
      blobBaseFee: 5n,
      blobReservePrice: 125_000_000n,
      maxPriorityFeePerGas: gwei,
      maxFeePerGas: 5n * gwei,
      maxFeePerBlobGas: gwei,
    })
  })

  it('computes the blob fee from the head where the history has none', async () => {
    const head = { excessBlobGas: '0xe4e1c00', blobGasUsed: '0x0', baseFeePerGas: '0x3b9aca00' }
    const quote = await quoteBlobFees(
      node({
        eth_config: { current },
        eth_feeHistory: { baseFeePerGas: ['0x3b9aca00'] },
        eth_getBlockByNumber: head,
      }),
      { minMaxFeePerBlobGas: 0n, headroom: 1 },
    )
    expect(quote.blobBaseFee).toBe(blobBaseFee(238_164_992n, bpo2))
    expect(quote.maxFeePerBlobGas).toBe(quote.blobBaseFee)
  })

  it('refuses a headroom that is none', async () => {
    await expect(quoteBlobFees(node({}), { headroom: 0.5 })).rejects.toMatchObject({ code: 'OPTION' })
  })
})

it('bumpBlobFees doubles all three, or follows the market', () => {
  const pending = { maxPriorityFeePerGas: 1n, maxFeePerGas: 10n, maxFeePerBlobGas: 3n }
  const market = { maxPriorityFeePerGas: 5n, maxFeePerGas: 15n, maxFeePerBlobGas: 6n }
  expect(bumpBlobFees(pending, market)).toEqual({
    maxPriorityFeePerGas: 5n,
    maxFeePerGas: 20n,
    maxFeePerBlobGas: 6n,
  })
})

describe('posting costs', () => {
  it('applies the floor of EIP-7623, and the flat one of EIP-7976', () => {
    expect(calldataGas({ zero: 0, nonzero: 100 })).toBe(21_000n + 4000n)
    expect(calldataGas({ zero: 100, nonzero: 0 })).toBe(21_000n + 1000n)
    expect(calldataGas({ zero: 100, nonzero: 100 }, glamsterdamCalldata)).toBe(21_000n + 12_800n)
    expect(countBytes(Uint8Array.of(0, 1, 0, 2, 3))).toEqual({ zero: 2, nonzero: 3 })
    expect(() => calldataGas({ zero: -1, nonzero: 0 })).toThrow(expect.objectContaining({ code: 'FEE_INPUT' }))
  })

  it('splits what one transaction cannot carry', () => {
    const prices = { gasPriceWei: 10n, blobBaseFeeWei: 3n }
    expect(calldataCost({ zero: 0, nonzero: 130_673 }, prices)).toMatchObject({ transactions: 2 })
    expect(blobCost(opCodec.maxBytes(7), prices)).toEqual({
      transactions: 2,
      gas: 42_000n,
      blobGas: 7n * gasPerBlob,
      wei: 420_000n + 21n * gasPerBlob,
    })
    expect(blobCost(126_976, prices, { codec: simpleCodec }).blobGas).toBe(2n * gasPerBlob)
    expect(blobCost(0, prices).blobGas).toBe(gasPerBlob)
  })

  it('finds the one length from which a blob is cheaper', () => {
    fc.assert(
      fc.property(fc.bigInt(1n, 500n * gwei), fc.bigInt(1n, 500n * gwei), (gasPriceWei, blobBaseFeeWei) => {
        const prices = { gasPriceWei, blobBaseFeeWei }
        const at = blobBreakEven(prices, { zeroBytesBps: 0 })
        const cheaper = (bytes: number): boolean =>
          blobCost(bytes, prices).wei < calldataCost({ zero: 0, nonzero: bytes }, prices).wei
        if (at === undefined) expect(cheaper(opCodec.maxBytes(1))).toBe(false)
        else expect([cheaper(at), at > 0 && cheaper(at - 1)]).toEqual([true, false])
      }),
      { seed: 3 },
    )
    // A blob costs 131072 × 1 wei, a byte 40 × 1 wei: 3277 bytes are the first that cost more.
    expect(blobBreakEven({ gasPriceWei: 1n, blobBaseFeeWei: 1n }, { zeroBytesBps: 0 })).toBe(3277)
  })
})
