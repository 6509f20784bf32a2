import { type Address, type PublicClient, parseAbi, zeroAddress } from 'viem'
import { LstError } from '../errors.js'
import { type HistoryEntry, mergeEvents, type RebaseLog, rewardHistory, type ShareTransfer } from '../feeds/history.js'
import { rateOf } from '../math/math.js'
import type { Assets, RateE27, Shares } from '../math/units.js'

/** ERC-20 and ERC-4626, as far as they are read here. */
export const vaultAbi = /*#__PURE__*/ parseAbi([
  'function totalAssets() view returns (uint256)',
  'function totalSupply() view returns (uint256)',
  'function balanceOf(address) view returns (uint256)',
  'event Transfer(address indexed from, address indexed to, uint256 value)',
])

/** The part of a viem client that is used: any public client fits. */
export type VaultClient = Pick<PublicClient, 'readContract' | 'getContractEvents' | 'getBlock'>

/** Where and when to read. */
export type VaultReadOptions = {
  /** The vault: an ERC-4626 share token (seMETIS, wstMETIS and their kind). */
  address: Address
  /** Default: the newest block. */
  blockNumber?: bigint
}

async function reading<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    throw new LstError(`${what} could not be read`, { code: 'READ_FAILED', recovery: 'retry', cause })
  }
}

/**
 * A vault's price at a block: its totals, and the rate at 10^27.
 * @throws LstError `READ_FAILED` with the client's error as cause.
 */
export async function readVaultRate(
  client: VaultClient,
  options: VaultReadOptions,
): Promise<{ assets: Assets; shares: Shares; rate: RateE27 }> {
  const { address, blockNumber } = options
  const at = blockNumber === undefined ? {} : { blockNumber }
  const [assets, shares] = await reading(`the vault ${address}`, () =>
    Promise.all([
      client.readContract({ address, abi: vaultAbi, functionName: 'totalAssets', ...at }),
      client.readContract({ address, abi: vaultAbi, functionName: 'totalSupply', ...at }),
    ]),
  )
  return { assets: assets as Assets, shares: shares as Shares, rate: rateOf({ assets, shares }) }
}

/** Options of {@link readRewardHistory}. */
export type HistoryOptions = {
  address: Address
  account: Address
  fromBlock: bigint
  toBlock: bigint
  /** Blocks asked for at once; default 5,000. */
  blockStep?: bigint
  /** A price is read every so many blocks; default 43,200, a day at two seconds. */
  rebaseStep?: bigint
}

/**
 * What an account earned between two blocks: its balance before them, its transfers, and the vault's price at steps,
 * merged by block and log index. Reads in ranges of `blockStep`; needs an archive node for the prices.
 * @throws LstError `READ_FAILED`, `OPTION_INVALID`
 */
export async function readRewardHistory(
  client: VaultClient,
  options: HistoryOptions,
): Promise<{ entries: HistoryEntry[]; reward: bigint }> {
  const { address, fromBlock, toBlock, blockStep = 5_000n, rebaseStep = 43_200n } = options
  if (fromBlock < 1n || toBlock < fromBlock || blockStep < 1n || rebaseStep < 1n)
    throw new LstError(`blocks expected 1 ≤ from ≤ to in steps of at least 1, got ${fromBlock} … ${toBlock}`, {
      code: 'OPTION_INVALID',
    })
  const account = options.account.toLowerCase()
  const before = fromBlock - 1n
  const shares = await reading(`the balance of ${account}`, () =>
    client.readContract({
      address,
      abi: vaultAbi,
      functionName: 'balanceOf',
      args: [options.account],
      blockNumber: before,
    }),
  )
  const first = await readVaultRate(client, { address, blockNumber: before })
  const incoming: ShareTransfer[] = []
  const outgoing: ShareTransfer[] = []
  for (let from = fromBlock; from <= toBlock; from += blockStep) {
    const to = from + blockStep - 1n < toBlock ? from + blockStep - 1n : toBlock
    for (const [side, found] of [
      ['to', incoming],
      ['from', outgoing],
    ] as const) {
      const logs = await reading(`transfers of blocks ${from} … ${to}`, () =>
        client.getContractEvents({
          address,
          abi: vaultAbi,
          eventName: 'Transfer',
          args: side === 'to' ? { to: options.account } : { from: options.account },
          fromBlock: from,
          toBlock: to,
          strict: true,
        }),
      )
      for (const { blockNumber, logIndex, args } of logs)
        found.push({
          type: 'transfer',
          blockNumber,
          logIndex,
          from: args.from === zeroAddress ? undefined : args.from.toLowerCase(),
          to: args.to === zeroAddress ? undefined : args.to.toLowerCase(),
          shares: args.value,
        })
    }
  }
  const rebases: RebaseLog[] = []
  let last = { ...first, blockNumber: before, atSeconds: await timeOf(client, before) }
  for (let at = before; at < toBlock; ) {
    at = at + rebaseStep < toBlock ? at + rebaseStep : toBlock
    const now = {
      ...(await readVaultRate(client, { address, blockNumber: at })),
      blockNumber: at,
      atSeconds: await timeOf(client, at),
    }
    rebases.push({
      type: 'rebase',
      blockNumber: at,
      // After every log of its block: the price was read at the block's end.
      logIndex: Number.MAX_SAFE_INTEGER,
      preAssets: last.assets,
      preShares: last.shares,
      postAssets: now.assets,
      postShares: now.shares,
      elapsedSeconds: now.atSeconds - last.atSeconds,
      atSeconds: now.atSeconds,
    })
    last = now
  }
  return rewardHistory({
    account,
    shares,
    totals: { assets: first.assets, shares: first.shares },
    events: mergeEvents<ShareTransfer | RebaseLog>(incoming, outgoing, rebases),
  })
}

async function timeOf(client: VaultClient, blockNumber: bigint): Promise<bigint> {
  const block = await reading(`block ${blockNumber}`, () => client.getBlock({ blockNumber }))
  return block.timestamp
}
