import { type ChildProcess, spawn } from 'node:child_process'
import { receiptOf } from '@l2/common/testing'
import { anvilBinary } from '@l2/sequencer-core/node'
import {
  type Abi,
  type Address,
  BaseError,
  ContractFunctionRevertedError,
  createTestClient,
  decodeErrorResult,
  defineChain,
  encodeFunctionData,
  getAddress,
  type Hex,
  http,
  numberToHex,
  publicActions,
  RawContractError,
  type TransactionReceipt,
  toFunctionSelector,
  walletActions,
} from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { openCoverage } from './coverage.js'

/** A contract at an address, as it is called. */
export type At<A extends Abi = Abi> = { address: Address; abi: A }

/** The first accounts of anvil; their keys are public. */
export const accounts = [
  '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
  '0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6',
].map(key => privateKeyToAccount(key as Hex)) as [
  PrivateKeyAccount,
  PrivateKeyAccount,
  PrivateKeyAccount,
  PrivateKeyAccount,
]

const clientOf = (url: string, chainId: number) =>
  createTestClient({
    mode: 'anvil',
    cacheTime: 0,
    pollingInterval: 5,
    transport: http(url, { retryCount: 0, timeout: 60_000 }),
    chain: defineChain({
      id: chainId,
      name: 'anvil',
      nativeCurrency: { name: 'wei', symbol: 'wei', decimals: 18 },
      rpcUrls: { default: { http: [url] } },
    }),
  })
    .extend(publicActions)
    .extend(walletActions)

/** Errors that come out of a contract behind the one that was called, whose ABI does not have them. */
const innerErrors = new Map(
  ['NoValue', 'SmallGasLimit', 'OutOfGas', 'NotTheOtherBridge'].map(name => [toFunctionSelector(`${name}()`), name]),
)

/** What a revert says: the name of a custom error, or the reason in words. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof BaseError)) return String(error)
  const reverted = error.walk(inner => inner instanceof ContractFunctionRevertedError)
  if (reverted instanceof ContractFunctionRevertedError)
    return reverted.data?.errorName === 'Error' || reverted.data?.errorName === 'Panic'
      ? String(reverted.data.args?.[0])
      : (reverted.data?.errorName ?? innerErrors.get(reverted.signature ?? '0x') ?? reverted.signature ?? 'reverted')
  const raw = error.walk(inner => inner instanceof RawContractError)
  return raw instanceof RawContractError ? String(raw.message) : error.shortMessage
}

/** A call as JSON-RPC has it. */
function callOf(
  at: At,
  functionName: string,
  args: readonly unknown[],
  more: { from?: Address; gas?: bigint; value?: bigint } = {},
) {
  const { from, gas, value = 0n } = more
  return {
    ...{ to: at.address, data: encodeFunctionData({ abi: at.abi, functionName, args }), value: numberToHex(value) },
    ...(from === undefined ? {} : { from }),
    ...(gas === undefined ? {} : { gas: numberToHex(gas) }),
  }
}

/** Starts an anvil that makes a block for every transaction. */
export async function startAnvil(chainId: number, flags: readonly string[] = [], fees: { gasPrice?: bigint } = {}) {
  const anvil: ChildProcess = spawn(
    anvilBinary(import.meta.url)!,
    ['--port', '0', '--host', '127.0.0.1', '--chain-id', String(chainId), '--gas-limit', '60000000', ...flags],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const ended = new Promise<void>(resolve => anvil.once('exit', () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    anvil.once('exit', () => reject(new Error('anvil ended')))
    anvil.stdout!.on('data', data => {
      const match = /Listening on (\S+)/.exec(String(data))
      if (match !== null) resolve(`http://${match[1]}`)
    })
  })
  const client = clientOf(url, chainId)
  const coverage = openCoverage(client.request as Parameters<typeof openCoverage>[0])

  /** The receipt of a transaction that was mined, whether or not it reverted. */
  async function mined(hash: Hex): Promise<TransactionReceipt> {
    const receipt = await receiptOf(client, hash)
    await coverage?.transaction(hash)
    return receipt
  }

  async function deploy<A extends Abi>(
    contract: { abi: A; bytecode: Hex },
    args: readonly unknown[] = [],
  ): Promise<At<A>> {
    const hash = await client.deployContract({
      abi: contract.abi as Abi,
      bytecode: contract.bytecode,
      args,
      account: accounts[0],
      gas: 20_000_000n,
    })
    const receipt = await mined(hash)
    if (receipt.status !== 'success' || !receipt.contractAddress) throw new Error('the deployment reverted')
    return { address: getAddress(receipt.contractAddress), abi: contract.abi }
  }

  type Call = { value?: bigint; from?: PrivateKeyAccount; gas?: bigint }

  /** Sends a call without asking first what it needs. */
  async function attempt(at: At, functionName: string, args: readonly unknown[], call: Call = {}) {
    const { from = accounts[0], gas = 9_000_000n, value = 0n } = call
    return mined(await client.writeContract({ ...at, functionName, args, account: from, gas, value, ...fees }))
  }

  async function refusal(at: At, functionName: string, args: readonly unknown[], call: Call = {}): Promise<string> {
    const { from = accounts[0], gas = 9_000_000n, value = 0n } = call
    await coverage?.call(callOf(at, functionName, args, { from: from.address, gas, value }))
    try {
      await client.simulateContract({ ...at, functionName, args, account: from, gas, value, ...fees })
    } catch (error) {
      return reasonOf(error)
    }
    return 'not refused'
  }

  /** How a mined transaction ended: `done`, the name of the error that it was refused with, or `reverted` where it has none. */
  async function outcome(abi: Abi, { status, transactionHash }: TransactionReceipt): Promise<string> {
    if (status === 'success') return 'done'
    const request = client.request as (args: { method: string; params: readonly unknown[] }) => Promise<unknown>
    const params = [transactionHash, { tracer: 'callTracer' }]
    const { output = '0x' } = (await request({ method: 'debug_traceTransaction', params })) as { output?: Hex }
    return output === '0x' ? 'reverted' : decodeErrorResult({ abi, data: output }).errorName
  }

  return {
    url,
    client,
    mined,
    outcome,
    deploy,
    attempt,
    /** What the call is refused with. */
    refusal,
    /** Sends a call that must succeed. */
    async send(at: At, functionName: string, args: readonly unknown[], call: Call = {}) {
      const receipt = await attempt(at, functionName, args, call)
      if (receipt.status !== 'success')
        throw new Error(`${functionName}: ${await refusal(at, functionName, args, call)}`)
      return receipt
    },
    async read<T>(at: At, functionName: string, args: readonly unknown[] = []) {
      await coverage?.call(callOf(at, functionName, args))
      return client.readContract({ ...at, functionName, args }) as Promise<T>
    },
    /** Moves the clock and mines a block there. */
    async pass(seconds: number) {
      await client.increaseTime({ seconds })
      await client.mine({ blocks: 1 })
    },
    async close() {
      coverage?.write()
      anvil.kill('SIGKILL')
      await ended
    },
  }
}

export type Chain = Awaited<ReturnType<typeof startAnvil>>
