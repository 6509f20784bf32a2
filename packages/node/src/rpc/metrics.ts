import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Health } from '../status/health.js'
import type { Status } from '../status/status.js'

type Measure = { name: string; help: string; value(status: Status): number }

/** Every metric of the node. Wei become floats here and only here: Prometheus has nothing else. */
const measures: readonly Measure[] = [
  { name: 'l2_node_head_number', help: 'Unsafe head', value: s => Number(s.heads.unsafe.number) },
  { name: 'l2_node_safe_number', help: 'Head derived from L1', value: s => Number(s.heads.safe.number) },
  {
    name: 'l2_node_finalized_number',
    help: 'Head derived from final L1 blocks',
    value: s => Number(s.heads.finalized.number),
  },
  { name: 'l2_node_l1_number', help: 'Head of L1', value: s => Number(s.l1.number) },
  { name: 'l2_mempool_pending', help: 'Executable transactions that wait', value: s => s.transactions.pending },
  { name: 'l2_mempool_queued', help: 'Transactions that wait for a predecessor', value: s => s.transactions.queued },
  { name: 'l2_node_transactions_total', help: 'Transactions of users in blocks', value: s => s.transactions.included },
  {
    name: 'l2_verifier_transactions_total',
    help: 'Transactions derived from L1 and executed again',
    value: s => s.verified.transactions,
  },
  { name: 'l2_batcher_submissions_total', help: 'Submissions that L1 included', value: s => s.da.submissions },
  { name: 'l2_batcher_blobs_total', help: 'Blobs posted', value: s => s.da.blobs },
  { name: 'l2_batcher_bytes_total', help: 'Bytes of batcher data posted', value: s => s.da.bytes },
  { name: 'l2_batcher_cost_wei_total', help: 'Paid to L1, wei of ETH', value: s => Number(s.da.costWei) },
  {
    name: 'l2_batcher_cost_per_transaction_wei',
    help: 'Cost of a posted transaction, wei of the gas token',
    value: s => Number(s.economics.costPerTransactionWei),
  },
  {
    name: 'l2_batcher_balance_wei',
    help: 'Balance of the wallet that posts, wei of ETH',
    value: s => Number(s.economics.wallet.balanceEthWei ?? Number.NaN),
  },
  {
    name: 'l2_batcher_runway_seconds',
    help: 'How long that wallet lasts at the rate of late; NaN while nothing was posted',
    value: s => Number(s.economics.wallet.runwaySeconds ?? Number.NaN),
  },
  {
    name: 'l2_fees_collected_wei_total',
    help: 'Fees that users paid, wei of the gas token',
    value: s => Number(s.economics.feesInWei),
  },
  {
    name: 'l2_economics_costs_wei_total',
    help: 'What posting cost, wei of the gas token',
    value: s => Number(s.economics.costsOutWei),
  },
  {
    name: 'l2_economics_profit_wei',
    help: 'Fees less costs, wei of the gas token',
    value: s => Number(s.economics.profitWei),
  },
  {
    name: 'l2_economics_unsettled_wei',
    help: 'Profit since the last settlement, less a loss that is carried',
    value: s => Number(s.economics.unsettledWei),
  },
  {
    name: 'l2_economics_recovery_ratio',
    help: 'Fees over costs, less one; 0 when users paid what posting cost',
    value: s => Number(s.economics.recoveryBps ?? Number.NaN) / 10_000,
  },
  {
    name: 'l2_gas_token_per_eth',
    help: 'Price of one ETH in the gas token',
    value: s => Number(s.economics.gasToken.perEthWei) / 1e18,
  },
  {
    name: 'l2_proposer_block_number',
    help: 'The newest L2 block that this node proposed to L1; NaN before the first',
    value: s => Number(s.settlement?.proposer?.last?.number ?? Number.NaN),
  },
  {
    name: 'l2_proposer_balance_wei',
    help: 'Balance of the account that proposes, wei of ETH',
    value: s => Number(s.settlement?.proposer?.balanceWei ?? Number.NaN),
  },
  {
    name: 'l2_challenger_balance_wei',
    help: 'Balance of the account that challenges, wei of ETH',
    value: s => Number(s.settlement?.challenger?.balanceWei ?? Number.NaN),
  },
  {
    name: 'l2_challenger_false_games_total',
    help: 'Dispute games whose claim this node found to be false, since its start',
    value: s => s.settlement?.challenger?.judged.false ?? 0,
  },
  {
    name: 'l2_challenger_lost_games_total',
    help: 'Dispute games that were decided against what is true, since the start',
    value: s => s.settlement?.challenger?.lost ?? 0,
  },
  {
    name: 'l2_settlement_alarms',
    help: 'What proposer and challenger wait for and an operator has to see to',
    value: s =>
      [s.settlement?.proposer, s.settlement?.challenger].reduce((sum, of) => sum + (of?.alarms.length ?? 0), 0),
  },
  {
    name: 'l2_bridge_locked_wei',
    help: 'Locked in the bridge of the native token on L1; NaN before it is read, and where there is none',
    value: s => Number(s.settlement?.books?.lockedWei ?? Number.NaN),
  },
  {
    name: 'l2_bridge_held_wei',
    help: 'What that bridge has of the token',
    value: s => Number(s.settlement?.books?.heldWei ?? Number.NaN),
  },
  {
    name: 'l2_bridge_released_wei',
    help: 'Given out of the vault on L2',
    value: s => Number(s.settlement?.books?.releasedWei ?? Number.NaN),
  },
  {
    name: 'l2_bridge_in_flight_wei',
    help: 'Locked and not released: deposits and withdrawals on their way',
    value: s => Number(s.settlement?.books?.inFlightWei ?? Number.NaN),
  },
  {
    name: 'l2_bridge_exact',
    help: 'Whether every native token stands for one on L1: 1 or 0',
    value: s => Number(s.settlement?.books?.isExact ?? Number.NaN),
  },
  { name: 'l2_pool_staked_wei', help: 'Stake of the sequencers, wei', value: s => Number(s.pool.stakedWei) },
  { name: 'l2_lst_rate', help: 'METIS for one eMETIS', value: s => Number(s.lst.rateE27) / 1e27 },
]

/** A metric beside the node's own, with a value for each set of labels. */
export type LabelledMetric = {
  readonly name: string
  readonly help: string
  readonly labelNames?: readonly string[] | undefined
  read(): readonly { readonly labels?: Readonly<Record<string, string>> | undefined; readonly value: number }[]
}

/** Prometheus text of the node's present status and health, process metrics included. */
export function createMetrics(
  status: () => Status,
  health: () => Promise<Health>,
  more: readonly LabelledMetric[] = [],
): () => Promise<{ status: number; type: string; body: string }> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const { name, help, value } of measures) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value(status()))
      },
    })
  }
  new Gauge({
    name: 'l2_economics_owed_wei',
    help: 'What settlements gave each party, wei of the gas token',
    labelNames: ['party'],
    registers: [registry],
    collect() {
      for (const { party, owedWei } of status().economics.split) this.set({ party }, Number(owedWei))
    },
  })
  new Gauge({
    name: 'l2_batcher_waiting',
    help: 'Why the batcher posts nothing new: 1 for the reason, `not-the-batcher` among them; absent while it posts',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset()
      const { waiting } = status().posting
      if (waiting !== undefined) this.set({ reason: waiting }, 1)
    },
  })
  new Gauge({
    name: 'l2_node_waiting_seconds',
    help: 'How long a part of the node has waited for something; absent while it works',
    labelNames: ['part'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { part, sinceMs } of status().waiting) this.set({ part }, (Date.now() - sinceMs) / 1000)
    },
  })
  new Gauge({
    name: 'l2_node_check_ok',
    help: 'Checks of /healthz and /readyz: 1 where all is well, else 0',
    labelNames: ['check'],
    registers: [registry],
    async collect() {
      const { live, ready } = await health()
      for (const [check, { ok }] of Object.entries({ ...live, ...ready })) this.set({ check }, ok ? 1 : 0)
    },
  })
  for (const { name, help, labelNames = [], read } of more) {
    new Gauge({
      ...{ name, help, labelNames: [...labelNames], registers: [registry] },
      collect() {
        this.reset()
        for (const { labels = {}, value } of read()) this.set(labels, value)
      },
    })
  }
  return async () => ({ status: 200, type: registry.contentType, body: await registry.metrics() })
}
