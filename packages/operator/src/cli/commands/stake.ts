import { resolve } from 'node:path'
import { redactUrls } from '@l2/common'
import { sequencerPoolAbi } from '@l2/contracts/sequencer-pool'
import {
  type Abi,
  type Address,
  type BaseError,
  createPublicClient,
  createWalletClient,
  erc20Abi,
  type Hash,
  http,
  isAddress,
  type PublicClient,
} from 'viem'
import { refuse } from '../../errors.js'
import { openHome } from '../../home/home.js'
import { openAccount, readKeyPlaces } from '../../keys/places.js'
import type { SigningAccount } from '../../keys/web3signer.js'
import { type Command, type CommandInput, weiAmount, wrongUsage } from '../command.js'

/** The pool on L1, and the account that owns the operator's seat. */
type Ground = { pool: Address; owner: SigningAccount; header: Address; client: PublicClient; l1: string; seat: number }

const shared = {
  home: { type: 'string', value: 'DIR', isRequired: true, help: 'of the operator, with its owner key' },
  pool: { type: 'string', value: 'ADDRESS', isRequired: true, help: 'the SequencerPool on L1' },
} as const

async function openGround(input: CommandInput): Promise<Ground> {
  const pool = input.text('pool')
  if (!isAddress(pool)) wrongUsage(`--pool expected an address, got "${pool}"`)
  const path = resolve(input.text('home'))
  const { config, genesis } = openHome(path)
  const places = readKeyPlaces(path)
  if (places?.owner === undefined) refuse('HOME_INVALID', `${path} does not have the key of the owner of its stake`)
  const owner = await openAccount(path, places, 'owner')
  const client = createPublicClient({ transport: http(config.l1) }) as PublicClient
  const seat = await client.readContract({
    ...{ address: pool, abi: sequencerPoolAbi, functionName: 'idOfOwner', args: [owner.address] },
  })
  return { pool, owner, header: genesis.operators[config.id - 1]!.header, client, l1: config.l1, seat }
}

/** Simulates first, so that a refusal has the contract's words and costs nothing; then sends and waits until it is on L1. */
async function send(
  { owner, client, l1 }: Ground,
  call: { address: Address; abi: Abi; functionName: string; args: readonly unknown[] },
): Promise<Hash> {
  const wallet = createWalletClient({ account: owner, transport: http(l1) })
  try {
    await client.simulateContract({ ...call, account: owner.address })
    const hash = await wallet.writeContract({ ...call, chain: null } as never)
    const { status } = await client.waitForTransactionReceipt({ hash })
    if (status !== 'success') refuse('COMMAND_FAILED', `${call.functionName} was reverted in ${hash}`)
    return hash
  } catch (cause) {
    if ((cause as { code?: string }).code === 'COMMAND_FAILED') throw cause
    return refuse('COMMAND_FAILED', `${call.functionName}: ${wordsOf(cause)}`, { cause })
  }
}

/** What a contract refuses with, or what went wrong on the way to it; no address of a node, in which keys may be. */
function wordsOf(error: unknown): string {
  type Reverted = { name: string; data?: { errorName: string } | undefined; reason?: string | undefined }
  const { shortMessage, message, walk } = error as { shortMessage?: string; message: string; walk?: unknown }
  if (typeof walk === 'function') {
    const { data, reason } = ((error as BaseError).walk(
      inner => (inner as Reverted).name === 'ContractFunctionRevertedError',
    ) ?? {}) as Partial<Reverted>
    const words = data?.errorName ?? reason
    if (words !== undefined) return `refused by the contract: ${words}`
  }
  return redactUrls(shortMessage ?? message)
}

async function approve(ground: Ground, amountWei: bigint): Promise<void> {
  const { pool, owner, client } = ground
  const { token } = await client.readContract({ address: pool, abi: sequencerPoolAbi, functionName: 'config' })
  const allowed = await client.readContract({
    ...{ address: token, abi: erc20Abi, functionName: 'allowance', args: [owner.address, pool] },
  })
  if (allowed >= amountWei) return
  await send(ground, { address: token, abi: erc20Abi, functionName: 'approve', args: [pool, amountWei] })
}

export const stake: Command = {
  summary: 'Stakes on L1: takes a seat with this operator’s header key, or adds to the seat that it has.',
  options: {
    ...shared,
    amount: { type: 'string', value: 'WEI', isRequired: true, help: 'of the pool’s token' },
    commission: { type: 'string', value: 'BPS', help: 'of delegators’ rewards, for a new seat; 0 by default' },
  },
  async run(input) {
    const amountWei = weiAmount('amount', input.text('amount'))
    const commissionBps = Number(input.optional('commission') ?? '0')
    if (!Number.isInteger(commissionBps) || commissionBps < 0 || commissionBps > 10_000) {
      wrongUsage('--commission expected 0 to 10000')
    }
    const ground = await openGround(input)
    const { pool, owner, header, seat, client } = ground
    await approve(ground, amountWei)
    const call =
      seat === 0
        ? ({ functionName: 'lock', args: [header, amountWei, owner.address, commissionBps] } as const)
        : ({ functionName: 'relock', args: [seat, amountWei, false] } as const)
    const hash = await send(ground, { address: pool, abi: sequencerPoolAbi, ...call })
    const id = await client.readContract({
      ...{ address: pool, abi: sequencerPoolAbi, functionName: 'idOfOwner', args: [owner.address] },
    })
    return {
      json: { seat: id, amountWei, transaction: hash, isNew: seat === 0 },
      lines: [`${amountWei} wei staked by ${owner.address} in seat ${id}: ${hash}`],
    }
  },
}

export const unstake: Command = {
  summary: 'Leaves the seat on L1, or takes a part out of it; with --claim takes what has waited long enough.',
  options: {
    ...shared,
    amount: { type: 'string', value: 'WEI', help: 'a part; without it the seat is given up' },
    claim: { type: 'boolean', help: 'takes what is free by now' },
  },
  async run(input) {
    const amount = input.optional('amount')
    if (amount !== undefined && input.flag('claim')) wrongUsage('--amount and --claim are two commands')
    const amountWei = amount === undefined ? undefined : weiAmount('amount', amount)
    const ground = await openGround(input)
    const { pool, owner, seat } = ground
    if (seat === 0) refuse('NOT_AN_OPERATOR', `${owner.address} has no seat in ${pool}`)
    const call = input.flag('claim')
      ? ({ functionName: 'claim', args: [seat] } as const)
      : amountWei === undefined
        ? ({ functionName: 'unlock', args: [seat] } as const)
        : ({ functionName: 'withdraw', args: [seat, amountWei] } as const)
    const hash = await send(ground, { address: pool, abi: sequencerPoolAbi, ...call })
    return {
      json: { seat, action: call.functionName, transaction: hash },
      lines: [`${call.functionName} of seat ${seat}: ${hash}`],
    }
  },
}
