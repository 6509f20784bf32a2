import { redactUrls } from '@l2/common'
import { meteredPortalAbi } from '@l2/contracts/metered-portal'
import { nativeTokenBridgeL1Abi } from '@l2/contracts/native-token-bridge-l1'
import { nativeTokenBridgeL2Abi } from '@l2/contracts/native-token-bridge-l2'
import { devTokenAbi } from '@l2/contracts/testing/dev-token'
import { nativeTokenBridgePredeploy, settlementChain } from '@l2/settlement'
import {
  type Address,
  type BaseError,
  createWalletClient,
  defineChain,
  encodeFunctionData,
  type Hash,
  type Hex,
  http,
  keccak256,
  publicActions,
  type TransactionReceipt,
} from 'viem'
import {
  getL2TransactionHashes,
  getWithdrawals,
  publicActionsL1,
  publicActionsL2,
  walletActionsL1,
} from 'viem/op-stack'
import { devAccount, holderOfTokens } from '../dev-accounts.js'
import type { Doors } from '../node.js'

/** What METIS of the demonstration have been through, in this order: the last is that L1 has paid them out. */
export const moneySteps = ['deposited', 'withdrawn', 'proven', 'finalised', 'paid'] as const
export type MoneyStep = (typeof moneySteps)[number]

export const depositWei = 1000n * 10n ** 18n
export const withdrawnWei = 400n * 10n ** 18n

/** One user's way in and out again. */
export type Money = {
  /** The steps that are behind it, the first one first. */
  readonly done: readonly MoneyStep[]
  /** Why it does not go on, where that is not just time. */
  readonly trouble: string | undefined
  /** Ends it where it is. */
  stop(): Promise<void>
}

type MoneyOptions = { doors: Doors; rpcUrl: string; chainId: number; say(message: string): void }

const roundMs = 1000
/** Where every L1 has it. */
const multicall3 = '0xca11bde05977b3631167028862be2a173976ca11'

/**
 * A holder of METIS locks some on L1, gets them on L2, and takes a part of them out to another account, by viem's own actions and the node's public JSON-RPC. It looks
 * once a second and waits for whatever does not answer.
 */
export function startMoney({ doors, rpcUrl, chainId, say }: MoneyOptions): Money {
  const journey = openJourney(doors, rpcUrl, chainId)
  const done: MoneyStep[] = []
  let trouble: string | undefined
  let wake: () => void = () => {}
  let isStopped = false
  const note = (reason: string | undefined): void => {
    if (reason !== undefined && reason !== trouble) say(`the demonstration's METIS wait: ${reason}`)
    trouble = reason
  }
  const round = async (): Promise<void> => {
    const next = moneySteps[done.length]!
    try {
      if (!(await journey[next]())) return note(undefined)
      done.push(next)
      say(stepText[next])
      note(undefined)
    } catch (error) {
      note(isTooEarly(error) ? undefined : redactUrls((error as Error).message.split('\n', 1)[0]!))
    }
  }
  const run = async (): Promise<void> => {
    while (!isStopped && done.length < moneySteps.length) {
      await round()
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, roundMs)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
        if (isStopped) wake()
      })
    }
  }
  const running = run()
  return {
    done,
    get trouble() {
      return trouble
    },
    async stop() {
      isStopped = true
      wake()
      await running
    },
  }
}

const stepText: Record<MoneyStep, string> = {
  deposited: '1000 METIS of L1 are deposited: they are locked there and credited here',
  withdrawn: '400 METIS are withdrawn on L2',
  proven: 'their withdrawal is proven on L1, by a proposal of this node',
  finalised: 'it is finalised: nobody objected in time',
  paid: 'L1 has paid the 400 METIS out',
}

/** Whether a contract refuses what it will take later: no proposal yet, or a window that is open. */
function isTooEarly(error: unknown): boolean {
  const early = ['ContractFunctionRevertedError', 'ExecutionRevertedError', 'GameNotFoundError']
  const walk = (error as Partial<BaseError>).walk?.bind(error)
  return walk?.(at => early.includes((at as Error).name)) != null
}

/** What each step does: true when it is done. It may be asked again whatever became of it the last time. */
function openJourney(
  { l1, contracts }: Doors,
  rpcUrl: string,
  chainId: number,
): Record<MoneyStep, () => Promise<boolean>> {
  const at = (name: string): Address => contracts[name] as Address
  const account = holderOfTokens()
  const receiver = devAccount(0).address
  const [bridge, token, portal] = [at('nativeTokenBridge'), at('metis'), at('optimismPortal')]
  const ether = { name: 'Ether', symbol: 'ETH', decimals: 18 }
  const chainL1 = defineChain({
    ...{ id: l1.chainId, name: 'L1', nativeCurrency: ether, rpcUrls: { default: { http: [l1.url] } } },
    contracts: { multicall3: { address: multicall3 } },
  })
  const chain = settlementChain({
    ...{ l1ChainId: l1.chainId, l2ChainId: chainId, name: 'Reference rollup', rpcUrl },
    nativeCurrency: { name: 'Metis', symbol: 'METIS' },
    addresses: {
      optimismPortal: portal,
      disputeGameFactory: at('disputeGameFactory'),
      l1StandardBridge: at('l1StandardBridge'),
    },
  })
  const onL1 = createWalletClient({ account, chain: chainL1, transport: http(l1.url, { retryCount: 0 }), cacheTime: 0 })
    .extend(publicActions)
    .extend(publicActionsL1())
    .extend(walletActionsL1())
  const onL2 = createWalletClient({ account, chain, transport: http(rpcUrl, { retryCount: 0 }), cacheTime: 0 })
    .extend(publicActions)
    .extend(publicActionsL2())
  const [sendL1, sendL2] = [createSend(onL1 as never), createSend(onL2 as never)]

  let withdrawal: ReturnType<typeof getWithdrawals>[number] | undefined
  let withdrawnIn: TransactionReceipt | undefined
  let from: bigint | undefined
  let proof: Hash | undefined
  return {
    async deposited() {
      from ??= await onL1.getBlockNumber()
      const approve = { abi: devTokenAbi, functionName: 'approve', args: [bridge, depositWei] } as const
      if ((await sendL1('approve', { to: token, data: encodeFunctionData(approve) })) === undefined) return false
      const call = {
        abi: nativeTokenBridgeL1Abi,
        functionName: 'deposit',
        args: [account.address, depositWei],
      } as const
      const receipt = await sendL1('deposit', { to: bridge, data: encodeFunctionData(call) })
      const [credit] = receipt === undefined ? [] : getL2TransactionHashes(receipt)
      return credit !== undefined && (await receiptOf(onL2, credit)) !== undefined
    },
    async withdrawn() {
      const call = { abi: nativeTokenBridgeL2Abi, functionName: 'withdraw', args: [receiver] } as const
      const to = nativeTokenBridgePredeploy
      withdrawnIn = await sendL2('withdraw', { to, data: encodeFunctionData(call), value: withdrawnWei })
      withdrawal = withdrawnIn === undefined ? undefined : getWithdrawals(withdrawnIn)[0]
      return withdrawal !== undefined
    },
    async proven() {
      if (proof === undefined) {
        const game = await onL1.getGame({ l2BlockNumber: withdrawnIn!.blockNumber, targetChain: chain } as never)
        const proven = await onL2.buildProveWithdrawal({ account, game, withdrawal: withdrawal! } as never)
        proof = await onL1.proveWithdrawal(proven as never)
      }
      const receipt = await receiptOf(onL1, proof)
      // It was too early after all, and is sent again.
      if (receipt?.status === 'reverted') proof = undefined
      return receipt?.status === 'success'
    },
    async finalised() {
      const { withdrawalHash } = withdrawal!
      const asked = {
        address: portal,
        abi: meteredPortalAbi,
        functionName: 'finalizedWithdrawals',
        args: [withdrawalHash],
      }
      if (await onL1.readContract(asked as never)) return true
      await onL1.finalizeWithdrawal({ account, targetChain: chain, withdrawal: withdrawal! } as never)
      return false
    },
    async paid() {
      const named = { address: bridge, abi: nativeTokenBridgeL1Abi, eventName: 'Released' } as const
      const paid = await onL1.getContractEvents({ ...named, args: { to: receiver }, fromBlock: from! })
      return paid.some(({ args }) => args.amount === withdrawnWei)
    },
  }
}

type Client = {
  getTransactionReceipt(of: { hash: Hash }): Promise<TransactionReceipt>
  prepareTransactionRequest(call: object): Promise<object>
  signTransaction(call: object): Promise<Hex>
  sendRawTransaction(of: { serializedTransaction: Hex }): Promise<Hash>
}

async function receiptOf(client: Pick<Client, 'getTransactionReceipt'>, hash: Hash) {
  return await client.getTransactionReceipt({ hash }).catch(error => {
    if ((error as Error).name === 'TransactionReceiptNotFoundError') return undefined
    throw error
  })
}

/** Sends each call once, however often it is asked to: what was signed goes out again until there is a receipt. */
function createSend(client: Client) {
  const signed = new Map<string, Hex>()
  return async (name: string, call: { to: Address; data: Hex; value?: bigint }) => {
    const known = signed.get(name)
    const raw = known ?? (await client.signTransaction(await client.prepareTransactionRequest(call)))
    signed.set(name, raw)
    const hash = keccak256(raw)
    const receipt = await receiptOf(client, hash)
    if (receipt?.status === 'reverted') throw new Error(`the transaction that is to ${name} was reverted: ${hash}`)
    if (receipt !== undefined) return receipt
    // It is known there, or was lost on its way: the next look tells.
    await client.sendRawTransaction({ serializedTransaction: raw }).catch(error => {
      if (known === undefined) throw error
    })
    return undefined
  }
}
