import { hashSequencerHeader, type SealedBlock, type SequencerHeader } from '@l2/sequencer-core/block'
import {
  buildAttributes,
  configCarriedByBlock,
  genesisBlockRef,
  l2BlockRef,
  newRollup,
  type SystemConfig,
} from '@l2/sequencer-core/derivation'
import type { ExecutedBlock } from '@l2/sequencer-core/engine'
import { nobleRecovery } from '@l2/sequencer-core/transaction'
import type { Hash } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { expect, it } from 'vitest'
import { createControlPlane } from '../pool/control-plane.js'
import { createChain } from './chain.js'

const word = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`
const account = (n: number) => `0x${n.toString(16).padStart(40, '0')}` as const
const leader = privateKeyToAccount(word(7))
const rollup = newRollup({
  ...{ l1ChainId: 900n, l2ChainId: 901n, batcher: account(1), batchInbox: account(2) },
  ...{ depositContract: account(3), systemConfigContract: account(4) },
  genesis: { l1: { number: 1n, hash: word(1) }, l2: { number: 0n, hash: word(2) }, l2TimeSeconds: 1_000n },
})
const domain = { chainId: rollup.l2ChainId, rollup: rollup.batchInbox }

it('knows from its last block who posts, where L1 has changed that since genesis', async () => {
  // As a block carries it that L1 has made another account's.
  const systemConfig: SystemConfig = { ...rollup.genesis.systemConfig, batcher: account(9) }
  const parent = genesisBlockRef(rollup)
  const origin = {
    ...{ number: 1n, hash: word(1), parentHash: word(0), timestamp: 1_000n, mixHash: word(5) },
    ...{ baseFeePerGas: 7n, blobBaseFee: 1n, parentBeaconBlockRoot: word(0) },
  }
  const { attributes } = buildAttributes({ rollup, parent, systemConfig, origin, logs: [], transactions: [] })
  const executed: ExecutedBlock = {
    ...{ number: 1n, hash: word(11), parentHash: parent.hash, stateRoot: word(12), transactionsRoot: word(13) },
    ...{ receiptsRoot: word(14), timestamp: attributes.timestamp, gasUsed: 0n, baseFeePerGas: 1n },
    ...{ gasLimit: attributes.gasLimit, transactions: attributes.transactions },
  }
  const header: SequencerHeader = {
    ...{ epochId: 1n, term: 0, height: 1n, parentHash: parent.hash, txRoot: word(13), stateRoot: word(12) },
    ...{ timestamp: attributes.timestamp, l1OriginNumber: 1n, l1OriginHash: word(1), forcedUpTo: 0n },
  }
  const signature = await leader.sign({ hash: hashSequencerHeader(header, domain) })
  const block: SealedBlock = { header, signature, executed, attributes }
  const control = createControlPlane({
    domain: { name: 'L2 Sequencer', version: '1', chainId: rollup.l2ChainId, verifyingContract: rollup.batchInbox },
    ...{ timestamp: 1_000n, prevRandao: word(5), operator: account(5), holder: account(5) },
    sequencers: [{ owner: leader.address, signer: leader.address, amountWei: 20_000n * 10n ** 18n }],
  })
  const leadership = { leaderAt: () => undefined, hold: () => undefined }
  const open = () => createChain(rollup, domain, control, nobleRecovery, leadership)
  const live = open()
  live.adopt(block, systemConfig)
  const again = open()
  again.adopt(block)
  expect(again.systemConfig.batcher).toBe(account(9))
  expect(again.systemConfig).toEqual(live.systemConfig)
  expect(live.systemConfig).toEqual(configCarriedByBlock(systemConfig, attributes.timestamp, rollup))
  expect(again.head).toEqual(l2BlockRef(executed, rollup))
})
