import { bytesToHex } from '@l2/common'
import { receiptOf } from '@l2/common/testing'
import { encodeHeader, type Output, type OutputSource, outputRoot } from '@l2/sequencer-core/output'
import { type Address, type Hash, type Hex, keccak256, type LocalAccount, numberToHex, stringToHex } from 'viem'
import { anchorSettlement } from '../src/deploy/anchor.js'
import { cannonGameType, type DeployedSettlement, deploySettlement } from '../src/deploy/deploy.js'
import type { SettlementWindows } from '../src/deploy/options.js'
import { disputeGameFactoryAbi, faultDisputeGameAbi } from '../src/games/abi.js'
import { createL1Reader, type L1Reader } from '../src/l1/reader.js'
import { createSender, type Sender } from '../src/l1/sender.js'
import { openArtifacts } from '../src/node/artifacts.js'
import { type AnvilL1, accounts, startL1 } from '../src/testing/dev-l1.js'

const word = (text: string): Hash => keccak256(stringToHex(text))

/** A chain of headers alone: what L1 is told of it is as of any other. */
export type HeaderChain = OutputSource & { header(number: bigint): Promise<Hex>; output(number: bigint): Output }

export function headerChain(name: string): HeaderChain {
  const encoded = (number: bigint): Hex => {
    const hash = word(`${name} ${number}`)
    const zero: Hex = `0x${'00'.repeat(32)}`
    return bytesToHex(
      encodeHeader({
        ...{ hash, parentHash: hash, sha3Uncles: zero, miner: `0x${'00'.repeat(20)}`, stateRoot: hash },
        ...{
          transactionsRoot: zero,
          receiptsRoot: zero,
          logsBloom: `0x${'00'.repeat(256)}`,
          number: numberToHex(number),
        },
        ...{ gasLimit: '0x1', gasUsed: '0x0', timestamp: '0x1', extraData: '0x', mixHash: zero },
      }),
    )
  }
  const output = (number: bigint): Output =>
    outputRoot(
      { number, hash: keccak256(encoded(number)), stateRoot: word(`${name} ${number}`) },
      { storageHash: word(`storage of ${name} ${number}`) },
    )
  return { output, at: async number => output(number), header: async number => encoded(number) }
}

/** L1 with the stock contracts, in which games are played. */
export type Court = AsyncDisposable & {
  readonly l1: AnvilL1
  readonly reader: L1Reader
  readonly settlement: DeployedSettlement
  readonly factory: Address
  readonly chain: HeaderChain
  sender(account: LocalAccount): Sender
  /** Somebody creates a game. */
  create(by: LocalAccount, root: Hash, number: bigint): Promise<Address>
  /** Somebody moves in one. */
  move(by: LocalAccount, game: Address, parent: number, value: Hash, isAttack?: boolean): Promise<void>
  status(game: Address): Promise<'in-progress' | 'challenger-wins' | 'defender-wins'>
  claims(game: Address): Promise<number>
  balance(of: Address): Promise<bigint>
}

export const bondWei = 80_000_000_000_000_000n
export const windows: Partial<SettlementWindows> = {
  maxClockSeconds: 1000n,
  clockExtensionSeconds: 10n,
  bondDelaySeconds: 500n,
}

export async function openCourt(): Promise<Court> {
  const l1 = await startL1()
  try {
    return await courtOn(l1)
  } catch (error) {
    await l1[Symbol.asyncDispose]()
    throw error
  }
}

async function courtOn(l1: AnvilL1): Promise<Court> {
  const artifacts = openArtifacts()
  const [deployer, batcher] = accounts
  const chain = headerChain('ours')
  const on = { client: l1.client, account: deployer, artifacts }
  const settlement = await deploySettlement({ l2ChainId: 901n, batcher: batcher.address, windows, bondWei }, on)
  const { addresses } = settlement
  await anchorSettlement({ addresses, output: chain.output(0n) }, on)
  const reader = createL1Reader(l1.client)
  const factory = addresses.disputeGameFactory
  const mined = async (hash: Hash) => {
    const { status } = await receiptOf(l1.client, hash)
    if (status !== 'success') throw new Error(`${hash} was reverted`)
  }
  const names = ['in-progress', 'challenger-wins', 'defender-wins'] as const
  const game = (address: Address) => ({ address, abi: faultDisputeGameAbi }) as const
  return {
    ...{ l1, reader, settlement, factory, chain },
    sender: account => createSender({ resubmitMs: 500 }, { l1: reader, account }),
    async create(by, root, number) {
      const args = [cannonGameType, root, numberToHex(number, { size: 32 })] as const
      const call = { address: factory, abi: disputeGameFactoryAbi, chain: null, account: by } as const
      await mined(await l1.wallet(by).writeContract({ ...call, functionName: 'create', args, value: bondWei }))
      const found = { address: factory, abi: disputeGameFactoryAbi, functionName: 'games', args } as const
      return (await l1.client.readContract(found))[0]
    },
    async move(by, address, parent, value, isAttack = true) {
      const { client } = l1
      const [, , , , disputed, position] = await client.readContract({
        ...game(address),
        functionName: 'claimData',
        args: [BigInt(parent)],
      })
      const next = isAttack ? 2n * position : 2n * (position + 1n)
      const bond = await client.readContract({ ...game(address), functionName: 'getRequiredBond', args: [next] })
      const functionName = isAttack ? 'attack' : 'defend'
      const args = [disputed, BigInt(parent), value] as const
      const call = { ...game(address), functionName, args, value: bond, chain: null, account: by } as const
      await mined(await l1.wallet(by).writeContract(call))
    },
    status: async address => names[await l1.client.readContract({ ...game(address), functionName: 'status' })]!,
    claims: async address => Number(await l1.client.readContract({ ...game(address), functionName: 'claimDataLen' })),
    balance: of => l1.client.getBalance({ address: of }),
    [Symbol.asyncDispose]: () => l1[Symbol.asyncDispose](),
  }
}

/** Steps until `done`, or fails with what it waited for. */
export async function stepUntil(
  actor: { step(): Promise<string | undefined> },
  done: () => Promise<boolean> | boolean,
  between: () => Promise<unknown> = async () => {},
): Promise<void> {
  let reason: string | undefined
  for (let round = 0; round < 300; round++) {
    reason = await actor.step()
    if (await done()) return
    await between()
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  throw new Error(`300 rounds were not enough; it waits for: ${reason}`)
}
