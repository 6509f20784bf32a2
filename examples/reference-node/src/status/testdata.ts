import type { Status } from '@l2/node'

const head = { number: 123_456_789n, hash: `0x${'ab'.repeat(32)}` } as const
export const metis = (amount: number): bigint => BigInt(Math.round(amount * 1e4)) * 10n ** 14n

/** A long life: every figure is as wide as it gets. */
export const largeStatus: Status = {
  chainId: 4_294_967_295,
  rpcUrl: 'http://127.0.0.1:65535',
  startedAtMs: 0,
  l1: { number: 123_456_789n, baseFeeWei: 123_456_789_012n, blobBaseFeeWei: 123_456_789_012n },
  heads: { unsafe: head, safe: head, finalized: head },
  leader: { address: `0x${'ab'.repeat(20)}`, name: 'sequencer 16', epoch: 6_172_839n, term: 12 },
  transactions: { included: 1_234_567_890, perSecond: 1999.9, pending: 19_999, queued: 19_999 },
  channel: { blocks: 20_000, bytes: 123_456, targetBytes: 780_120 },
  posting: {
    waiting: undefined,
    plan: {
      da: 'calldata',
      compressor: 'brotli-11',
      targetFrames: 6,
      frameDataBytes: 130_020,
      maxChannelDurationBlocks: 1500n,
      fillBlocks: 1500,
      weiPerThousandTransactions: 10n ** 18n,
      latencyMs: 18_000,
      fill: 1,
    },
    explanation: [],
    pendingSubmissions: 4,
    backlogBytes: 67_108_864,
    throttle: 1,
  },
  da: { layer: 'ethereum-calldata', submissions: 1_234_567, blobs: 7_654_321, bytes: 1e12, costWei: metis(1e4) },
  economics: {
    gasToken: { symbol: 'METIS', decimals: 18, perEthWei: 123_456_789n * 10n ** 16n },
    feesInWei: metis(1_234_567.8901),
    costsOutWei: metis(12_345.6789),
    profitWei: -metis(1_222_222.2112),
    costPerTransactionWei: 123_456_789_012_345n,
    recoveryBps: 12_345_678n,
    settlements: 61_728,
    split: (['sequencer', 'stakers', 'lst', 'treasury', 'publicGoods', 'burn', 'users'] as const).map(party => ({
      party,
      shareBps: 1428,
      owedWei: metis(1_234_567.8901),
    })),
    unsettledWei: -metis(1234.5678),
    openSubmissions: 0,
    wallet: { balanceEthWei: metis(10_000), runwayBlocks: 10n ** 9n, runwaySeconds: 12n * 10n ** 9n },
  },
  verified: { blocks: 123_456_789, transactions: 1_234_567_890, submissions: 1_234_567, blobTransactions: 1_234_567 },
  pool: { sequencers: 16, stakedWei: metis(320_000), rewardsWei: metis(12_345.6789), jailed: 3 },
  lst: { rateE27: 1_234_567_890_123_456_789_012_345_678n, aprBps: 123_456n, totalAssetsWei: metis(123_456.7891) },
  waiting: [],
}
