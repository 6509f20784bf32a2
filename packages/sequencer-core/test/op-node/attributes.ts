// Random questions about attributes: a chain, a parent, an L1 origin with deposits and changes of the config, upgrades on the way.
import { bytesToHex } from '@l2/common'
import type { Random } from '@l2/common/testing'
import type { Address, Hash, Hex } from 'viem'
import {
  type BuiltAttributes,
  blobFeeOf,
  buildAttributes,
  configCarriedByBlock,
  type ForkName,
  type ForkSchedule,
  forkNames,
  genesisBlockRef,
  type L1Block,
  type RollupConfig,
  type SystemConfig,
  type SystemConfigUpdate,
  type UpgradeTransactions,
} from '../../src/derivation/index.js'
import { headerHash } from '../../src/derivation/l1-proof.js'
import { createL1Simulator, type L1Simulator, simulatedRollup } from '../../src/testing/index.js'
import { rollupJson } from './oracle.js'

/** An L1 block in the oracle's words. */
export const l1Json = (block: L1Block) => ({
  number: block.number,
  time: block.timestamp,
  hash: block.hash,
  parent: block.parentHash,
  mix: block.mixHash,
  basefee: `0x${block.baseFeePerGas.toString(16)}`,
  ...(block.blobBaseFee === undefined ? {} : { blobbasefee: `0x${block.blobBaseFee.toString(16)}` }),
  ...(block.excessBlobGas === undefined ? {} : { excessblob: block.excessBlobGas }),
  ...(block.parentBeaconBlockRoot === undefined ? {} : { beacon: block.parentBeaconBlockRoot }),
  txs: block.transactions.map(({ raw }) => raw),
  logs: block.logs.map(({ address, topics, data, logIndex }) => ({ address, topics, data, index: logIndex })),
})

/** Forks in their order: some at genesis, some on the way, some never; each activation in a block of its own. */
export function someForks(random: Random, genesisTimeSeconds: bigint): ForkSchedule {
  const atGenesis = random.below(forkNames.indexOf('karst') + 1)
  const forks: { [fork in ForkName]?: bigint } = {}
  let time = genesisTimeSeconds
  for (const [i, fork] of forkNames.slice(0, forkNames.indexOf('karst') + 1).entries()) {
    if (i <= atGenesis) forks[fork] = 0n
    else {
      if (random.bool(0.3)) break
      // op-node gives up where Holocene begins in the same L1 block as another fork.
      time += BigInt(24 + 2 * random.below(20))
      forks[fork] = time
    }
  }
  return forks
}

function someUpdate(random: Random): SystemConfigUpdate {
  const number = (bytes: number): bigint => BigInt(`0x${Buffer.from(random.bytes(bytes)).toString('hex')}`)
  return random.pick<SystemConfigUpdate>([
    { type: 'gas-limit', gasLimit: 5_000_000n + number(3) },
    { type: 'fee-scalars', overhead: number(2), scalar: (1n << 248n) | (number(4) << 32n) | number(4) },
    // Of a version byte above 1 op-node stops at Ecotone, where ours goes on.
    { type: 'fee-scalars', overhead: number(32), scalar: number(31) },
    { type: 'eip1559', denominator: 1n + number(2), elasticity: 1n + number(1) },
    { type: 'eip1559', denominator: 0n, elasticity: 0n },
    { type: 'operator-fee', scalar: number(4), constant: number(8) },
    { type: 'min-base-fee', minBaseFee: number(5) },
    { type: 'da-footprint', gasScalar: number(2) },
    { type: 'unsafe-block-signer', signer: bytesToHex(random.bytes(20)) as Address },
  ])
}

export function disturb(random: Random, l1: L1Simulator, config: RollupConfig): void {
  if (random.bool(0.2)) {
    const to = random.bool(0.8) ? (bytesToHex(random.bytes(20)) as Address) : undefined
    const data = random.bytes(random.below(40))
    l1.deposit({ from: bytesToHex(random.bytes(20)) as Address, to, mint: 5n, value: 3n, gas: 60_000n, data })
  }
  if (random.bool(0.15)) l1.updateConfig(someUpdate(random))
  // A log of the right contract that cannot be read.
  if (random.bool(0.03)) {
    l1.log({
      address: config.systemConfigContract,
      topics: [`0x1d2b0bda21d56b8bd12d4f94ebacffdfb35f5e226f84b461103bb8beab6353be`],
      data: random.bytes(32),
    })
  }
}

const hex = (value: bigint): Hex => `0x${value.toString(16)}`
const emptyRoot = '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421'

/** The hash of a header that has these fields and nothing else: kona reckons it where op-node is told it. */
const hashOf = (block: L1Block): Hash =>
  headerHash({
    hash: block.hash,
    parentHash: block.parentHash,
    sha3Uncles: '0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347',
    miner: `0x${'00'.repeat(20)}`,
    stateRoot: emptyRoot,
    transactionsRoot: emptyRoot,
    receiptsRoot: emptyRoot,
    logsBloom: `0x${'00'.repeat(256)}`,
    number: hex(block.number),
    gasLimit: '0x0',
    gasUsed: '0x0',
    timestamp: hex(block.timestamp),
    extraData: '0x',
    mixHash: block.mixHash,
    baseFeePerGas: hex(block.baseFeePerGas),
    withdrawalsRoot: emptyRoot,
    blobGasUsed: '0x0',
    excessBlobGas: hex(block.excessBlobGas!),
    parentBeaconBlockRoot: block.parentBeaconBlockRoot!,
  })

/** Attributes as ours builds them, and the question in the oracles' words. */
export function randomAttributes(
  random: Random,
  upgrades: UpgradeTransactions,
): { config: RollupConfig; built: BuiltAttributes; request: { cmd: string } & Record<string, unknown> } {
  const base = simulatedRollup()
  const config: RollupConfig = {
    ...base,
    forks: someForks(random, base.genesis.l2TimeSeconds - 60n),
    keepKarstUpgradeGas: random.bool(),
    ...(random.bool(0.2)
      ? { pectraBlobScheduleTimeSeconds: base.genesis.l2TimeSeconds + BigInt(random.below(200)) }
      : {}),
  }
  const l1 = createL1Simulator({ config, blockTimeSeconds: 2n, sign: false })
  for (let k = random.below(4); k > 0; k--) disturb(random, l1, config)
  const mined = l1.mine()
  const excessBlobGas = BigInt(random.below(100_000_000))
  // An L1 on Prague: kona reckons the fee from the excess, op-node is told it.
  const fees = { excessBlobGas, blobBaseFee: blobFeeOf(excessBlobGas, 5_007_716n) }
  const origin: L1Block = { ...mined, ...fees, hash: hashOf({ ...mined, ...fees }) }
  const genesis = genesisBlockRef(config)
  // A parent anywhere in the first minutes, or just before an upgrade; on the origin before or on the same one.
  const onTheWay = Object.values(config.forks).flatMap(time =>
    time !== undefined && time > base.genesis.l2TimeSeconds + 2n ? [time] : [],
  )
  const anywhere = base.genesis.l2TimeSeconds + 2n * BigInt(1 + random.below(120))
  const activation = onTheWay.length > 0 && random.bool() ? random.pick(onTheWay) : undefined
  const timestamp = activation === undefined ? anywhere : activation - 2n
  const stays = random.bool(0.4)
  const parent = {
    ...genesis,
    number: 7n,
    hash: `0x${'70'.repeat(32)}` as const,
    timestamp,
    l1Origin: stays ? { number: origin.number, hash: origin.hash } : genesis.l1Origin,
    sequenceNumber: BigInt(random.below(5)),
  }
  let systemConfig: SystemConfig = configCarriedByBlock(config.genesis.systemConfig, timestamp, config)
  if (random.bool()) systemConfig = { ...systemConfig, gasLimit: 30_000_000n + BigInt(random.uint32()) }
  const built = buildAttributes({
    rollup: config,
    parent,
    systemConfig,
    origin,
    logs: origin.logs,
    transactions: [],
    upgradeTransactions: upgrades,
  })
  const json = rollupJson({ ...config, genesis: { ...config.genesis, systemConfig } }) as {
    genesis: { system_config: unknown }
  }
  const { l1Origin, ...plain } = parent
  const request = {
    cmd: 'attrs',
    cfg: json,
    l1: [l1Json(origin)],
    syscfg: json.genesis.system_config,
    parent: { ...plain, l1origin: l1Origin },
    epoch: { hash: origin.hash, number: origin.number },
  }
  return { config, built, request }
}

type ToldAttributes = {
  timestamp: number
  prevRandao: Hash
  gasLimit: number
  beacon: Hash | undefined
  eip1559Params: Hex | undefined
  minBaseFee: number | undefined
  transactions: Hex[]
}

/** Attributes as both are compared. */
export const toldAttributes = ({ attributes }: BuiltAttributes): ToldAttributes => ({
  timestamp: Number(attributes.timestamp),
  prevRandao: attributes.prevRandao,
  gasLimit: Number(attributes.gasLimit),
  beacon: attributes.parentBeaconBlockRoot,
  eip1559Params: attributes.eip1559Params,
  minBaseFee: attributes.minBaseFee === undefined ? undefined : Number(attributes.minBaseFee),
  transactions: attributes.transactions.map(bytesToHex),
})
