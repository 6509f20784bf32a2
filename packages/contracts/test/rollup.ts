import {
  type Abi,
  type Address,
  concat,
  decodeEventLog,
  encodeAbiParameters,
  encodeFunctionData,
  getAddress,
  type Hex,
  keccak256,
  numberToHex,
  parseEther,
  slice,
  type TransactionReceipt,
  toHex,
  zeroHash,
} from 'viem'
import { type At, accounts, type Chain, startAnvil } from './anvil.js'
import { clockSeconds, disputeGames, proxy, superchainConfig, systemConfigAt } from './settlement.js'
import { stock } from './stock.js'

/** A withdrawal as the portal takes it. */
export type Withdrawal = {
  nonce: bigint
  sender: Address
  target: Address
  value: bigint
  gasLimit: bigint
  data: Hex
}

/** A game of the factory, and how a proof names it. */
export type Game = { at: At; index: bigint; root: Hex }

export const passerAddress: Address = '0x4200000000000000000000000000000000000016'
export const l2MessengerAddress: Address = '0x4200000000000000000000000000000000000007'
export const l1BlockAddress: Address = '0x4200000000000000000000000000000000000015'
export const passer: At = { address: passerAddress, abi: stock('L2ToL1MessagePasser').abi }
export const l2Messenger: At = { address: l2MessengerAddress, abi: stock('L2CrossDomainMessenger').abi }

/** An L1 that takes contracts of any size: the stock dispute game of the npm package is larger than a mainnet would. */
export const startL1 = (): Promise<Chain> => startAnvil(900, ['--code-size-limit', '60000'])
/** An L2 where gas costs nothing, so that books stay exact, and where nobody owns anything. */
export const startL2 = (): Promise<Chain> =>
  startAnvil(901, ['--base-fee', '0', '--gas-price', '0', '--balance', '0', '--auto-impersonate'], { gasPrice: 0n })

/** Everything of L1 but the portal, which is made for it. */
export async function layerOne(l1: Chain, portal: (system: Systems) => Promise<At>) {
  const superchain = await superchainConfig(l1)
  const games = await disputeGames(l1, superchain)
  const [config, messenger] = [await proxy(l1), await proxy(l1)]
  const systems = { superchain, ...games, config, messenger }
  const made = await portal(systems)
  await systemConfigAt(l1, config, accounts[0].address, made.address, messenger.address)
  return { ...systems, config: { address: config.address, abi: stock('SystemConfig').abi }, portal: made }
}

export type Systems = Awaited<ReturnType<typeof disputeGames>> & { superchain: At; config: At; messenger: At }

const depositEvent = stock('OptimismPortal2').abi
const logsOf = (receipt: TransactionReceipt, abi: Abi, name: string) =>
  receipt.logs.flatMap(log => {
    try {
      const decoded = decodeEventLog({ abi, ...log })
      return decoded.eventName === name ? [decoded.args as unknown as Record<string, unknown>] : []
    } catch {
      return []
    }
  })

/** Executes on L2 what a transaction of L1 deposited, as derivation would: in the name of its sender, what is minted first. */
export async function executeDeposits(l2: Chain, receipt: TransactionReceipt): Promise<TransactionReceipt[]> {
  const receipts: TransactionReceipt[] = []
  for (const { from, to, opaqueData } of logsOf(receipt, depositEvent, 'TransactionDeposited') as {
    from: Address
    to: Address
    opaqueData: Hex
  }[]) {
    const mint = BigInt(slice(opaqueData, 0, 32))
    if (mint > 0n)
      await l2.client.setBalance({ address: from, value: (await l2.client.getBalance({ address: from })) + mint })
    const isCreation = slice(opaqueData, 72, 73) === '0x01'
    const hash = await l2.client.request({
      method: 'eth_sendTransaction',
      params: [
        {
          from,
          ...(isCreation ? {} : { to }),
          value: numberToHex(BigInt(slice(opaqueData, 32, 64))),
          gas: numberToHex(BigInt(slice(opaqueData, 64, 72))),
          gasPrice: '0x0',
          data: opaqueData.length > 2 + 2 * 73 ? slice(opaqueData, 73) : '0x',
        },
      ],
    } as never)
    receipts.push(await l2.mined(hash as Hex))
  }
  return receipts
}

/** The withdrawals that a transaction of L2 initiated. */
export const withdrawalsOf = (receipt: TransactionReceipt): Withdrawal[] =>
  (logsOf(receipt, passer.abi, 'MessagePassed') as (Withdrawal & { withdrawalHash: Hex })[]).map(
    ({ nonce, sender, target, value, gasLimit, data }) => ({ nonce, sender, target, value, gasLimit, data }),
  )

/** A message between the messengers: what relays it, and the hash by which they know it. */
export function sentMessage(receipt: TransactionReceipt, messenger: At): { hash: Hex; relay: readonly unknown[] } {
  const [sent] = logsOf(receipt, messenger.abi, 'SentMessage')
  const [extension] = logsOf(receipt, messenger.abi, 'SentMessageExtension1')
  const { target, sender, message, messageNonce, gasLimit } = sent!
  const relay = [messageNonce, sender, target, extension!['value'], gasLimit, message]
  return {
    relay,
    hash: keccak256(encodeFunctionData({ abi: messenger.abi, functionName: 'relayMessage', args: relay })),
  }
}

export const withdrawalHash = ({ nonce, sender, target, value, gasLimit, data }: Withdrawal): Hex =>
  keccak256(
    encodeAbiParameters(
      ['uint256', 'address', 'address', 'uint256', 'uint256', 'bytes'].map(type => ({ type })),
      [nonce, sender, target, value, gasLimit, data],
    ),
  )

/** What proves withdrawals of one L2 block: its output root, and the proof of a withdrawal in it. */
export async function outputAt(l2: Chain, blockNumber: bigint) {
  const block = await l2.client.getBlock({ blockNumber })
  const { storageHash } = await l2.client.getProof({ address: passerAddress, storageKeys: [], blockNumber })
  const proof = {
    version: zeroHash,
    stateRoot: block.stateRoot,
    messagePasserStorageRoot: storageHash,
    latestBlockhash: block.hash,
  }
  return {
    blockNumber,
    proof,
    root: keccak256(concat([zeroHash, block.stateRoot, storageHash, block.hash])),
    async proofOf(withdrawal: Withdrawal): Promise<readonly Hex[]> {
      const slot = keccak256(
        encodeAbiParameters([{ type: 'bytes32' }, { type: 'uint256' }], [withdrawalHash(withdrawal), 0n]),
      )
      const { storageProof } = await l2.client.getProof({ address: passerAddress, storageKeys: [slot], blockNumber })
      return storageProof[0]!.proof
    },
  }
}

export type Output = Awaited<ReturnType<typeof outputAt>>

/** Proposes a root by a stock game, and moves on so that proofs against it count. */
export async function propose(
  l1: Chain,
  factory: At,
  { root, blockNumber }: { root: Hex; blockNumber: bigint },
  gameType = 0,
): Promise<Game> {
  const extra = toHex(blockNumber, { size: 32 })
  await l1.send(factory, 'create', [gameType, root, extra], { value: parseEther('0.08') })
  const [address] = await l1.read<[Address]>(factory, 'games', [gameType, root, extra])
  const count = await l1.read<bigint>(factory, 'gameCount')
  await l1.pass(2)
  return { at: { address: getAddress(address), abi: stock('FaultDisputeGame').abi }, index: count - 1n, root }
}

/** Waits until the clocks of a game are over and resolves it. */
export async function resolveGame(l1: Chain, { at }: Game): Promise<void> {
  await l1.pass(2 * Number(clockSeconds) + 10)
  const count = await l1.read<bigint>(at, 'claimDataLen')
  for (let index = count - 1n; index >= 0n; index--) await l1.send(at, 'resolveClaim', [index, 0n])
  await l1.send(at, 'resolve', [])
}
