import {
  createActivity,
  createFeed,
  createWatcher,
  fastRecovery,
  openSequencer,
  type SequencerOptions,
  userTransactionsOf,
} from '@l2/node'
import { firstCome, type OrderingPolicy, priorityGas } from '@l2/sequencer-core/ordering'
import { type Hex, hexToBytes } from 'viem'
import type { NodeConfig } from './config.js'
import { batcherAccount } from './dev-accounts.js'
import type { Ground } from './ground.js'

const names = ['Alpha', 'Beta', 'Gamma', 'Delta', 'Epsilon', 'Zeta', 'Eta', 'Theta']
export const nameOf = (id: number): string => names[id - 1] ?? `sequencer ${id}`

const policies: Record<NodeConfig['ordering'], () => OrderingPolicy> = {
  'first-come': () => firstCome(),
  priority: () => priorityGas(),
}

/** The sequencers' work, booked, shown and watched. */
export type Leading = Awaited<ReturnType<typeof openLeading>>

/** @param daLimits asked before every block */
export async function openLeading(ground: Ground, daLimits: SequencerOptions['daLimits']) {
  const { config, say, parts, rollup, keeper, accounts } = ground
  const activity = createActivity()
  const feed = createFeed()
  const sequencer = parts.own(
    await openSequencer({
      ...{ directory: ground.directory, rollup, node: ground.executing, family: ground.family },
      ...{ l1: ground.l1Source, l1Watch: ground.l1Watch, accounts, control: ground.control, feed, daLimits, say },
      allowUnprotected: config.allowUnprotected,
      l1Confirmations: BigInt(config.l1Confirmations),
      policy: policies[config.ordering](),
      recovery: await fastRecovery(say),
      onHeader: signed => {
        watcher.see(signed).catch(error => say(`watcher: ${(error as Error).message}`))
      },
      bookedTo: { position: keeper.books.position, block: keeper.lastBlock },
      onBlock: (block, fees, { position, isNew }) => {
        const transactions = userTransactionsOf(block).length
        keeper.block({ number: block.ref.number, epoch: block.header.epochId, transactions, position, ...fees })
        if (isNew) activity.block(transactions)
      },
      onRollback: (to, abandoned, position) => {
        keeper.rollBack(to, position)
        if (abandoned.length === 0) return
        const transactions = abandoned.reduce((sum, block) => sum + userTransactionsOf(block).length, 0)
        const blocks = abandoned.length === 1 ? 'a block' : `${abandoned.length} blocks`
        say(`L1 was reorganised: ${blocks} above ${to} are taken back, ${transactions} transactions wait again`)
      },
    }),
  )
  const leaders = accounts.map((_, index) => nameOf(index + 1)).join(', ')
  say(`sequencers ${leaders}: 20,000 METIS each; head is block ${sequencer.head.number}`)

  const evidence: string[] = []
  const reporter = batcherAccount()
  const watcher = createWatcher({
    account: reporter,
    chainId: config.chainId,
    control: () => sequencer.control,
    nonce: async () => {
      const pending = sequencer.mempool.nextNonce(reporter.address.toLowerCase() as Hex)
      return pending === undefined
        ? Number(await ground.executing.read<Hex>('eth_getTransactionCount', [reporter.address, 'latest']))
        : Number(pending)
    },
    submit: raw => sequencer.submit(hexToBytes(raw)),
    onEvidence: bundle => {
      evidence.push(bundle)
      say('two headers for one place: the evidence is on its way')
    },
  })
  return { sequencer, activity, feed, evidence }
}
