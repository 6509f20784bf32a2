import { bytesToHex, hexToBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import { type Address, getContractAddress, type Hash, type Hex, numberToHex, zeroAddress } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { buildAttributes } from '../derivation/attributes.js'
import { encodeDeposit } from '../derivation/deposit.js'
import type { L1Header } from '../derivation/l1.js'
import { genesisBlockRef, type L2BlockRef } from '../derivation/l2.js'
import { allForksAtGenesis, newRollup } from '../derivation/presets.js'
import type { RollupConfig } from '../derivation/rollup-config.js'
import type { SystemConfig } from '../derivation/system-config.js'
import type { ExecutedBlock, PayloadAttributes } from '../engine/engine.js'
import { type OpGenesis, opGenesis } from '../engine/op-genesis.js'

/** Options of {@link createRandomChain}. */
export type RandomChainOptions = {
  /** The same seed gives the same chain. */
  readonly seed: number
  /** The newest upgrade, active from genesis. */
  readonly fork: 'isthmus' | 'jovian' | 'karst'
  /** Signed transactions of a block at most. Defaults to 12. */
  readonly maxTransactions?: number | undefined
}

/** A block to be built. */
export type RandomBlock = {
  readonly parent: Hash
  readonly attributes: PayloadAttributes
  /** The signers, in the order of the transactions; `undefined` for deposits. */
  readonly senders: readonly (Address | undefined)[]
}

/**
 * A chain of blocks that an engine is to execute, made to reach into its corners: deposits that mint, fail, create and run out of gas; every type of
 * transaction; creations that succeed, revert and exhaust; EIP-7702 authorizations that hold and that do not; precompiles; code that stores what it sees of
 * its block; self-destruction; and system configs that change gas limit, EIP-1559 parameters, minimum base fee and operator fee.
 */
export type RandomChain = {
  /** L1 cost and operator fee are charged: an L1 block contract of ours stands at 0x42…15. */
  readonly genesis: OpGenesis
  /** The genesis block as an engine made it: to be called first. */
  begin(genesis: ExecutedBlock): void
  /** A block on top of the genesis or of one that {@link record} was told about. */
  next(parent: Hash): Promise<RandomBlock>
  /** What an engine made of a block. */
  record(block: ExecutedBlock, made: RandomBlock): void
  /** What can be built on, the genesis first. */
  readonly blocks: readonly ExecutedBlock[]
  /** A number below `bound` from the chain's own generator, for choices of whoever drives it. */
  below(bound: number): number
}

/** What the generator knows of the state behind a block. */
type State = {
  readonly ref: L2BlockRef
  readonly config: SystemConfig
  readonly nonces: ReadonlyMap<Address, number>
  /** Addresses that transactions before have created. */
  readonly created: readonly Address[]
}

const zeroHash: Hash = `0x${'00'.repeat(32)}`
const gwei = 1_000_000_000n
const blockTimeSeconds = 2n
const genesisTimeSeconds = 1_700_000_000n

const storing: Address = '0x00000000000000000000000000000000000c0de1'
const watching: Address = '0x00000000000000000000000000000000000c0de2'
const reverting: Address = '0x00000000000000000000000000000000000c0de3'
const looping: Address = '0x00000000000000000000000000000000000c0de4'
const making: Address = '0x00000000000000000000000000000000000c0de5'
const dying: Address = '0x00000000000000000000000000000000000c0de6'
const forwarding: Address = '0x00000000000000000000000000000000000c0de7'

/** Stores word 1 of the calldata at the slot in word 0, keeps it in transient storage, and logs what is there with both as topics. */
const storingCode: Hex = `0x${['60203560003555', '6020356000355d', '6000355c600052', '602035600035', '60206000a200'].join('')}`
/** Stores, at the block's number, the hash of what it sees: the parent's hash, coinbase, time, randomness, gas limit, fees, chain id, balance, origin. */
const watchingCode: Hex = `0x${[
  '6001430340600052',
  ...['41602052', '42604052', '44606052', '45608052', '4860a052', '4a60c052', '4660e052'],
  ...['3a61010052', '4761012052', '3261014052'],
  '610160600020435500',
].join('')}`
/** Stores how long its calldata is, then reverts with it. */
const revertingCode: Hex = '0x366000553660005260206000fd'
const loopingCode: Hex = '0x5b600056'
/** `CREATE2` of the calldata behind its first word, which is the salt; stores the address. */
const makingCode: Hex = `0x${['602036036020600037', '60003560203603', '60006000f5', '60005500'].join('')}`
/** Dies, where it still can, in favour of the address in word 0. */
const dyingCode: Hex = '0x600035ff'
/** Calls the address in word 0 with the rest of the calldata; stores whether that went well, and length and hash of what came back. */
const forwardingCode: Hex = `0x${[
  '602036036020600037',
  ...['60006000', '60203603', '60006000', '6000355af1', '600055'],
  ...['3d600155', '3d600060003e', '3d60002060025500'],
].join('')}`

/** What the L1-info deposit brings goes where op-geth reads it, from the depositor alone. Layout: OP specs, "L1 attributes predeployed contract". */
const l1BlockCode: Hex = `0x${[
  '3373deaddeaddeaddeaddeaddeaddeaddeaddead000118604d57',
  '60043560801c600355', // fee scalars and sequence number
  '60143560801c5f55', // time and number
  '602435600155', // base fee
  '604435600755', // blob base fee
  '606435600255', // hash
  '608435600455', // batcher
  '60a43560a01c600855', // operator fee
  '005b5f5ffd',
].join('')}`

const fundedAccounts = 6

/**
 * Makes a {@link RandomChain}, for differential tests of engines.
 *
 * @example
 * ```ts no-run
 * import type { ExecutionEngine } from '@l2/sequencer-core/engine'
 * import { createRandomChain } from '@l2/sequencer-core/testing'
 *
 * declare const start: (genesis: object) => Promise<ExecutionEngine>
 * const chain = createRandomChain({ seed: 1, fork: 'jovian' })
 * const [ours, theirs] = [await start(chain.genesis), await start(chain.genesis)]
 * let parent = (await theirs.block(0n))!
 * chain.begin(parent)
 * for (let height = 0; height < 100; height++) {
 *   const made = await chain.next(parent.hash)
 *   parent = await theirs.build(made.parent, made.attributes)
 *   const block = await ours.build(made.parent, { ...made.attributes, senders: made.senders })
 *   if (block.hash !== parent.hash) throw new Error(`block ${parent.number} differs`)
 *   chain.record(parent, made)
 * }
 * ```
 */
export function createRandomChain(options: RandomChainOptions): RandomChain {
  const { fork, maxTransactions = 12 } = options
  const random = generator(options.seed)
  const below = (bound: number): number => Math.floor(random() * bound)
  const chance = (share: number): boolean => random() < share
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!
  const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => below(256))
  const word = (value: bigint | number): string => BigInt(value).toString(16).padStart(64, '0')
  const digest = (...parts: (string | number)[]): Hash =>
    bytesToHex(keccak256(new TextEncoder().encode([options.seed, ...parts].join(' '))))

  const accounts = Array.from({ length: fundedAccounts }, (_, index) => privateKeyToAccount(digest('key', index)))
  const forks = {
    ...allForksAtGenesis,
    ...(fork === 'isthmus' ? { jovian: undefined } : {}),
    ...(fork === 'karst' ? { karst: 0n } : {}),
  }
  const genesis = opGenesis({
    chainId: 901n,
    timestamp: genesisTimeSeconds,
    forks,
    alloc: {
      ...Object.fromEntries(accounts.map(({ address }) => [address, { balance: 10n ** 24n }])),
      '0x4200000000000000000000000000000000000015': { code: l1BlockCode },
      [storing]: { code: storingCode, storage: { [`0x${word(1)}`]: `0x${word(7)}` } as Record<Hash, Hash> },
      [watching]: { code: watchingCode },
      [reverting]: { code: revertingCode },
      [looping]: { code: loopingCode },
      [making]: { code: makingCode },
      [dying]: { code: dyingCode, balance: 10n ** 18n },
      [forwarding]: { code: forwardingCode },
    },
  })
  const l1Genesis = { number: 100n, hash: digest('l1', 100) }
  const rollup = (hash: Hash): RollupConfig => ({
    ...newRollup({
      l1ChainId: 900n,
      l2ChainId: 901n,
      genesis: { l1: l1Genesis, l2: { number: 0n, hash }, l2TimeSeconds: genesisTimeSeconds },
      batcher: accounts[0]!.address,
      batchInbox: '0xff00000000000000000000000000000000000901',
      depositContract: '0x00000000000000000000000000000000000000d1',
      systemConfigContract: '0x00000000000000000000000000000000000000c1',
      blockTimeSeconds,
      forks,
    }),
  })
  let config = rollup(zeroHash)

  const states = new Map<Hash, State>()
  const blocks: ExecutedBlock[] = []
  /** The state that a block made here leads to, by parent and attributes. */
  const pending = new WeakMap<RandomBlock, Omit<State, 'ref'> & { origin: L1Header; sequence: bigint }>()

  const origins = new Map<bigint, L1Header>()
  const originAt = (number: bigint): L1Header => {
    const known = origins.get(number)
    if (known !== undefined) return known
    const made: L1Header = {
      number,
      hash: digest('l1', Number(number)),
      parentHash: digest('l1', Number(number) - 1),
      timestamp: genesisTimeSeconds,
      mixHash: digest('mix', Number(number)),
      baseFeePerGas: BigInt(1 + below(60)) * gwei,
      blobBaseFee: BigInt(1 + below(5)) * 10n ** BigInt(below(10)),
      parentBeaconBlockRoot: digest('beacon', Number(number)),
    }
    origins.set(number, made)
    return made
  }

  const changed = (before: SystemConfig): SystemConfig => ({
    ...before,
    gasLimit: chance(0.4) ? BigInt(20_000_000 + 1000 * below(40_000)) : before.gasLimit,
    scalar: chance(0.3) ? (1n << 248n) | (BigInt(below(1_000_000)) << 32n) | BigInt(below(10_000)) : before.scalar,
    ...(chance(0.3) ? { eip1559Denominator: BigInt(10 + below(400)), eip1559Elasticity: BigInt(1 + below(10)) } : {}),
    ...(chance(0.3)
      ? { operatorFeeScalar: BigInt(below(10_000_000)), operatorFeeConstant: BigInt(below(1_000_000)) }
      : {}),
    minBaseFee: fork !== 'isthmus' && chance(0.3) ? BigInt(below(2)) * BigInt(below(2_000_000_000)) : before.minBaseFee,
    daFootprintGasScalar: fork !== 'isthmus' && chance(0.3) ? BigInt(below(600)) : before.daFootprintGasScalar,
  })

  const deposit = (index: number, salt: string, created: readonly Address[]): Uint8Array => {
    const from: Address = `0x${'00'.repeat(18)}d${below(8)}00`
    const base = {
      sourceHash: digest('deposit', salt, index),
      from,
      to: pick([...created, storing, watching, accounts[1]!.address, zeroAddress]) as Address | undefined,
      mint: 0n,
      value: 0n,
      gas: 200_000n,
      isSystemTransaction: false,
      data: new Uint8Array(),
    }
    const made = [
      () => ({ ...base, mint: BigInt(below(1000)) * gwei, value: BigInt(below(500)) * gwei }),
      // More than it has: the call fails, the mint stays.
      () => ({ ...base, mint: 7n, value: 10n ** 30n }),
      () => ({ ...base, to: undefined, data: hexToBytes('0x6001600055600a600081823560005260016000f3')! }),
      () => ({ ...base, to: undefined, gas: 60_000n, data: hexToBytes(loopingCode)! }),
      () => ({ ...base, to: storing, data: hexToBytes(`0x${word(below(5))}${word(below(3))}`)! }),
      () => ({ ...base, to: watching }),
      () => ({ ...base, to: looping, gas: 30_000n, mint: 5n, value: 5n }),
      () => ({ ...base, to: reverting, data: bytes(below(40)), mint: 9n, value: 3n }),
      () => ({ ...base, gas: 21_000n, to: storing, data: hexToBytes(`0x${word(1)}${word(1)}`)! }),
    ]
    return encodeDeposit(pick(made)())
  }

  const precompileInput = (): { to: Address; data: Uint8Array } => {
    const at = (index: number): Address => numberToHex(index, { size: 20 })
    return pick<() => { to: Address; data: Uint8Array }>([
      () => ({ to: at(1), data: bytes(128) }),
      () => ({ to: at(2), data: bytes(below(200)) }),
      () => ({ to: at(3), data: bytes(below(200)) }),
      () => ({ to: at(4), data: bytes(below(200)) }),
      () => ({
        to: at(5),
        data: hexToBytes(`0x${word(32)}${word(2)}${word(32)}`.concat(bytesToHex(bytes(66)).slice(2)))!,
      }),
      () => ({ to: at(6), data: chance(0.5) ? new Uint8Array(128) : bytes(128) }),
      () => ({ to: at(6), data: hexToBytes(`0x${word(1)}${word(2)}${word(1)}${word(2)}`)! }),
      () => ({ to: at(7), data: hexToBytes(`0x${word(1)}${word(2)}${word(below(1_000_000))}`)! }),
      () => ({ to: at(8), data: chance(0.5) ? new Uint8Array() : bytes(192) }),
      () => ({ to: at(9), data: new Uint8Array([0, 0, 0, below(12), ...bytes(208), below(3)]) }),
      () => ({ to: at(10), data: bytes(192) }),
      () => ({ to: at(11 + below(7)), data: chance(0.5) ? new Uint8Array(256) : bytes(160 * (1 + below(2))) }),
      () => ({ to: at(0x100), data: bytes(160) }),
    ])()
  }

  /** One signed transaction that can be in a block, and what it does to nonces. */
  const transaction = async (
    nonces: Map<Address, number>,
    created: Address[],
    maxFeePerGas: bigint,
    gasLeft: bigint,
  ): Promise<{ raw: Uint8Array; sender: Address; gas: bigint } | undefined> => {
    const account = pick(accounts)
    const sender = account.address.toLowerCase() as Address
    const nonce = nonces.get(sender) ?? 0
    const tip = BigInt(below(3)) * BigInt(below(2_000_000_000))
    const fees = { maxFeePerGas: maxFeePerGas + tip, maxPriorityFeePerGas: tip }
    const sign = async (fields: object, gas: bigint) => {
      if (gas > gasLeft) return undefined
      nonces.set(sender, (nonces.get(sender) ?? 0) + 1)
      const raw = await account.signTransaction({ chainId: 901, nonce, gas, ...fields } as never)
      return { raw: hexToBytes(raw)!, sender, gas }
    }
    const to = pick<Address>([
      ...accounts.map(({ address }) => address),
      ...created.slice(-8),
      zeroAddress,
      `0x${'ab'.repeat(20)}`,
    ])
    const value = BigInt(below(2)) * BigInt(below(1_000_000_000))
    const call = (target: Address, data: string, gas = 200_000n, more: object = {}) =>
      sign({ type: 'eip1559', ...fees, to: target, data: `0x${data}`, value: 0n, ...more }, gas)
    const kinds: (() => Promise<{ raw: Uint8Array; sender: Address; gas: bigint } | undefined>)[] = [
      () => sign({ type: 'eip1559', ...fees, to, value }, 200_000n),
      () =>
        sign({ type: 'legacy', gasPrice: fees.maxFeePerGas, to, value, data: bytesToHex(bytes(below(60))) }, 250_000n),
      () => sign({ type: 'legacy', chainId: undefined, gasPrice: fees.maxFeePerGas, to, value }, 100_000n),
      () =>
        sign(
          {
            type: 'eip2930',
            gasPrice: fees.maxFeePerGas,
            to: storing,
            data: `0x${word(below(9))}${word(below(4))}`,
            accessList: [
              { address: storing, storageKeys: [`0x${word(below(9))}`, `0x${word(1)}`] },
              { address: to, storageKeys: [] },
            ],
          },
          200_000n,
        ),
      () => call(storing, `${word(below(64))}${word(below(4) * below(1_000_000_000))}`),
      // Too little for what it does.
      () => call(storing, `${word(below(64))}${word(1)}`, BigInt(22_500 + below(25_000))),
      () => call(watching, ''),
      () => call(reverting, bytesToHex(bytes(below(50))).slice(2)),
      () => call(looping, '', BigInt(30_000 + below(100_000))),
      () => call(making, `${word(below(1000))}6001600c60003960016000f300`, 400_000n),
      () => call(dying, word(BigInt(accounts[below(accounts.length)]!.address))),
      () => {
        const { to: target, data } = precompileInput()
        return call(forwarding, `${word(BigInt(target))}${bytesToHex(data).slice(2)}`, 900_000n)
      },
      () => {
        const { to: target, data } = precompileInput()
        return call(target, bytesToHex(data).slice(2), 900_000n)
      },
      async () => {
        const creation = pick([
          `0x600a600c600039600a6000f3${storingCode.slice(2, 22)}`,
          '0x60006000fd',
          loopingCode,
          `0x60ef60005360016000f3`,
          // Made and gone in one transaction.
          `0x33ff`,
          `0x6160016000f3`,
        ])
        const made = await sign(
          { type: 'eip1559', ...fees, data: creation, value: 0n },
          BigInt(120_000 + below(200_000)),
        )
        if (made !== undefined) created.push(getContractAddress({ from: sender, nonce: BigInt(nonce) }))
        return made
      },
      () => authorize(sender, nonce, nonces, fees, to, sign),
    ]
    return await pick(kinds)()
  }

  const authorize = async (
    sender: Address,
    nonce: number,
    nonces: Map<Address, number>,
    fees: object,
    to: Address,
    sign: (fields: object, gas: bigint) => Promise<{ raw: Uint8Array; sender: Address; gas: bigint } | undefined>,
  ) => {
    const target = pick<Address>([storing, watching, zeroAddress])
    const list: unknown[] = []
    const bumps: Address[] = []
    const nonceNow = new Map(nonces)
    nonceNow.set(sender, nonce + 1)
    for (let count = 1 + below(3); count > 0; count--) {
      const authority = pick(accounts)
      const address = authority.address.toLowerCase() as Address
      const current = nonceNow.get(address) ?? 0
      const kind = below(5)
      const chainId = kind === 0 ? 902 : kind === 1 ? 0 : 901
      const isRight = kind !== 0 && kind !== 2
      const given = kind === 2 ? current + 3 : current
      list.push(await authority.signAuthorization({ chainId, address: target, nonce: given }))
      if (!isRight) continue
      nonceNow.set(address, current + 1)
      bumps.push(address)
    }
    const made = await sign({ type: 'eip7702', ...fees, to, value: 0n, authorizationList: list }, 400_000n)
    if (made !== undefined) for (const address of bumps) nonces.set(address, (nonces.get(address) ?? 0) + 1)
    return made
  }

  const stateOf = (hash: Hash): State => {
    const state = states.get(hash)
    if (state === undefined) throw new RangeError(`block ${hash} was not recorded`)
    return state
  }

  return {
    genesis,
    blocks,
    below,
    begin(block) {
      config = rollup(block.hash)
      blocks.push(block)
      const { systemConfig } = config.genesis
      states.set(block.hash, { ref: genesisBlockRef(config), config: systemConfig, nonces: new Map(), created: [] })
    },
    async next(parent) {
      const state = stateOf(parent)
      const { ref } = state
      const block = blocks.find(({ hash }) => hash === parent)!
      const isNewOrigin = chance(0.4)
      const origin = originAt(ref.l1Origin.number + (isNewOrigin ? 1n : 0n))
      const before = isNewOrigin && chance(0.3) ? changed(state.config) : state.config
      const { attributes, systemConfig, sequenceNumber } = buildAttributes({
        rollup: config,
        parent: ref,
        systemConfig: before,
        origin,
        logs: [],
        transactions: [],
      })
      const salt = `${parent} ${random()}`
      const created = [...state.created]
      const deposits = Array.from({ length: chance(0.5) ? below(4) : 0 }, (_, index) => deposit(index, salt, created))
      const nonces = new Map(state.nonces)
      const transactions = [attributes.transactions[0]!, ...deposits]
      const senders: (Address | undefined)[] = transactions.map(() => undefined)
      const maxFee = block.baseFeePerGas * 4n + 2n * gwei
      let gasLeft = attributes.gasLimit - 4_000_000n
      for (let count = below(maxTransactions + 1); count > 0; count--) {
        const made = await transaction(nonces, created, maxFee, gasLeft)
        if (made === undefined) break
        transactions.push(made.raw)
        senders.push(made.sender)
        gasLeft -= made.gas
      }
      const made: RandomBlock = { parent, attributes: { ...attributes, transactions }, senders }
      pending.set(made, { config: systemConfig, nonces, created: created.slice(-16), origin, sequence: sequenceNumber })
      return made
    },
    record(block, made) {
      if (states.has(block.hash)) return
      const { origin, sequence, ...state } = pending.get(made)!
      const { number, hash, parentHash, timestamp } = block
      const l1Origin = { number: origin.number, hash: origin.hash }
      states.set(hash, {
        ...state,
        ref: { number, hash, parentHash, timestamp, l1Origin, sequenceNumber: sequence },
      })
      blocks.push(block)
    },
  }
}

/** Numbers in [0, 1) from a seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
