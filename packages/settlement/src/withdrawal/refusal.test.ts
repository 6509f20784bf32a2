import { receiptOf } from '@l2/common/testing'
import { devTokenAbi, devTokenBytecode } from '@l2/contracts/testing/dev-token'
import { receiverAbi, receiverBytecode } from '@l2/contracts/testing/receiver'
import {
  type Abi,
  type Address,
  encodeFunctionData,
  type Hash,
  type Hex,
  keccak256,
  type LocalAccount,
  parseEther,
  stringToHex,
  type TransactionReceipt,
  toHex,
} from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { oneLeafState, type PortalWithdrawal } from '../../test/one-leaf.js'
import { anchorSettlement } from '../deploy/anchor.js'
import { cannonGameType, deploySettlement, type Settlement } from '../deploy/deploy.js'
import { disputeGameFactoryAbi, faultDisputeGameAbi } from '../games/abi.js'
import { createL1Reader } from '../l1/reader.js'
import { openArtifacts } from '../node/artifacts.js'
import { type AnvilL1, accounts, startL1 } from '../testing/dev-l1.js'
import { withdrawalRefusal } from './refusal.js'
import { withdrawalWaitSeconds } from './wait.js'

const [owner, batcher, user, , liar] = accounts
const artifacts = openArtifacts()
const portalAbi = artifacts.contract('OptimismPortal2').abi as Abi
const windows = {
  ...{ proofMaturitySeconds: 200n, disputeFinalitySeconds: 300n, maxClockSeconds: 60n },
  ...{ clockExtensionSeconds: 10n, bondDelaySeconds: 4n },
}
type Call = { address: Address; abi: Abi; functionName: string; args?: readonly unknown[]; value?: bigint }

let l1: AnvilL1
beforeAll(async () => {
  l1 = await startL1()
})
afterAll(async () => {
  await l1?.[Symbol.asyncDispose]()
})

const mined = async (hash: Hash): Promise<TransactionReceipt> => {
  const receipt = await receiptOf(l1.client, hash)
  if (receipt.status !== 'success') throw new Error(`L1 reverted ${hash}`)
  return receipt
}
const send = async (call: Call, account: LocalAccount = user) =>
  mined(await l1.wallet(account).writeContract({ ...call, account, chain: null } as never))
const thrown = (act: Promise<unknown>): Promise<unknown> =>
  act.then(
    () => undefined,
    error => error,
  )
/** What a call is refused with, as viem throws it before it is sent. */
const refusal = async (call: Call, account: LocalAccount | Address = user) => {
  const error = await thrown(l1.client.simulateContract({ ...call, account } as never))
  if (error === undefined) return 'not refused'
  const { type, remedy } = withdrawalRefusal(error) ?? { type: 'of something else', remedy: (error as Error).message }
  return `${type}: ${remedy}`
}

/** A portal with games, in which anything may be claimed. */
async function openPortal(gasToken: 'ether' | 'erc20') {
  const dependencies = { client: l1.client, account: owner, artifacts }
  const capacityWei = parseEther('1000')
  const deploy = async (abi: Abi, bytecode: Hex, args: readonly unknown[]) => {
    const hash = await l1.wallet(owner).deployContract({ abi, bytecode, args, account: owner, chain: null })
    return (await mined(hash)).contractAddress!
  }
  const settlement: Settlement = await deploySettlement(
    {
      ...{ l2ChainId: gasToken === 'ether' ? 901n : 902n, batcher: batcher.address, windows },
      ...(gasToken === 'ether'
        ? {}
        : {
            gasToken: {
              ...({ type: 'erc20', capacityWei } as const),
              token: await deploy(devTokenAbi as unknown as Abi, devTokenBytecode, [capacityWei]),
            },
          }),
    },
    dependencies,
  )
  const { addresses } = settlement
  const root = keccak256(stringToHex('genesis'))
  await anchorSettlement({ addresses, output: { root, number: 0n } }, dependencies)
  const receiver = await deploy(receiverAbi as unknown as Abi, receiverBytecode, [])
  const factory = { address: addresses.disputeGameFactory, abi: disputeGameFactoryAbi as unknown as Abi }
  const portal = { address: addresses.optimismPortal, abi: portalAbi }
  let nonce = 0n
  const withdrawal = (of: Partial<PortalWithdrawal> = {}) => {
    const made = {
      nonce: nonce++,
      sender: user.address,
      target: user.address,
      value: 0n,
      gasLimit: 400_000n,
      data: '0x',
    }
    const whole = { ...made, ...of } as PortalWithdrawal
    return { withdrawal: whole, ...oneLeafState(whole, `state ${nonce}`) }
  }
  type Made = ReturnType<typeof withdrawal>
  const create = (root: Hash, number: bigint): Call => ({
    ...{ ...factory, functionName: 'create', args: [cannonGameType, root, toHex(number, { size: 32 })] },
    value: parseEther('0.08'),
  })
  const gameOf = async (root: Hash, number: bigint) => {
    const args = [cannonGameType, root, toHex(number, { size: 32 })] as const
    const [address] = (await l1.client.readContract({ ...factory, functionName: 'games', args } as never)) as [Address]
    return { address, abi: faultDisputeGameAbi as unknown as Abi }
  }
  const prove = (made: Made, index: bigint, of: Partial<Made> = {}): Call => {
    const { withdrawal, outputRootProof, withdrawalProof } = { ...made, ...of }
    const args = [withdrawal, index, outputRootProof, withdrawalProof]
    return { ...portal, functionName: 'proveWithdrawalTransaction', args }
  }
  const count = () => l1.client.readContract({ ...factory, functionName: 'gameCount' } as never) as Promise<bigint>
  return {
    ...{ addresses, portal, receiver, withdrawal, create, gameOf, prove, count },
    finalise: ({ withdrawal }: Made): Call => ({
      ...{ ...portal, functionName: 'finalizeWithdrawalTransaction', args: [withdrawal] },
    }),
    /** Claims the state and proves the withdrawal in it, in a later block. */
    async proven(made: Made) {
      await send(create(made.root, nonce + 1n))
      await l1.pass(1)
      const game = await gameOf(made.root, nonce + 1n)
      const index = (await count()) - 1n
      await send(prove(made, index))
      return { game, index }
    },
    async decide(game: { address: Address; abi: Abi }, claims: number) {
      await l1.pass(2 * Number(windows.maxClockSeconds) + 20)
      for (let claim = claims - 1; claim >= 0; claim--)
        await send({ ...game, functionName: 'resolveClaim', args: [BigInt(claim), 0n] })
      await send({ ...game, functionName: 'resolve' })
    },
    wait: ({ withdrawalHash }: Made) =>
      withdrawalWaitSeconds({ portal: portal.address, withdrawalHash, prover: user.address }, { l1: l1.client }),
  }
}

describe.each(['ether', 'erc20'] as const)('what the portal of a chain with %s refuses', gasToken => {
  let world: Awaited<ReturnType<typeof openPortal>>
  beforeAll(async () => {
    world = await openPortal(gasToken)
  })

  it('is told in words from the proof to the end, and how long the windows are still', async () => {
    const { withdrawal, finalise, wait } = world
    const made = withdrawal()
    expect(await refusal(finalise(made))).toBe('not-proven: prove')
    expect(await wait(made)).toBeUndefined()
    const { game } = await world.proven(made)
    expect(await refusal(finalise(made))).toBe('too-early: wait')
    expect(await wait(made)).toBeUndefined()
    await l1.pass(Number(windows.proofMaturitySeconds) + 1)
    expect(await refusal(finalise(made))).toBe('game-not-won: wait')
    await world.decide(game, 1)
    expect(await refusal(finalise(made))).toBe('too-early: wait')
    const left = (await wait(made))!
    expect(left > 0n && left <= windows.disputeFinalitySeconds + 1n).toBe(true)
    // To the second.
    const { timestamp } = await l1.client.getBlock()
    for (const [at, expected] of [
      [timestamp + left - 1n, 'too-early: wait'],
      [timestamp + left, 'not refused'],
    ] as const) {
      await l1.test.setNextBlockTimestamp({ timestamp: at })
      await l1.test.mine({ blocks: 1 })
      expect(await refusal(finalise(made))).toBe(expected)
      expect(await wait(made)).toBe(timestamp + left - at)
    }
    await send(finalise(made))
    expect(await refusal(finalise(made))).toBe('already-finalised: nothing')
    expect(await wait(made)).toBe(0n)
  })

  it('is told of proofs', async () => {
    const { withdrawal, prove, portal } = world
    const [made, other] = [withdrawal(), withdrawal()]
    const { index } = await world.proven(made)
    const zero = toHex(0, { size: 32 })
    for (const wrong of [
      { outputRootProof: { ...made.outputRootProof, stateRoot: zero } },
      { withdrawal: other.withdrawal },
      { withdrawalProof: other.withdrawalProof },
      { withdrawalProof: [] },
      ...(['0x', '0x80', '0xc0', '0xff', '0x01'] as const).map(node => ({ withdrawalProof: [node] })),
    ])
      expect(await refusal(prove(made, index, wrong))).toBe('wrong-proof: prove-right')
    const toPortal = withdrawal({ target: portal.address })
    expect(await refusal(prove(toPortal, index))).toBe('bad-target: nothing')
    if (gasToken === 'erc20') {
      expect(await refusal(prove(withdrawal({ value: 1n }), index))).toBe('has-value: nothing')
    }
  })

  it('is told of games that do not count', async () => {
    const { withdrawal, finalise, prove, portal, gameOf, create, count } = world
    // Lost.
    const lie = withdrawal()
    const lost = await world.proven(lie)
    const [, , , , claim] = (await l1.client.readContract({
      ...{ ...lost.game, functionName: 'claimData', args: [0n] },
    } as never)) as [number, Address, Address, bigint, Hash]
    const bond = { ...lost.game, functionName: 'getRequiredBond', args: [2n] }
    const value = (await l1.client.readContract(bond as never)) as bigint
    await send({ ...lost.game, functionName: 'attack', args: [claim, 0n, keccak256('0x')], value }, liar)
    await world.decide(lost.game, 2)
    expect(await refusal(prove(lie, lost.index))).toBe('game-lost: prove-again')
    await l1.pass(Number(windows.proofMaturitySeconds) + 1)
    expect(await refusal(finalise(lie))).toBe('game-not-won: wait')
    // Proven in the second of the game.
    const early = withdrawal()
    const index = await count()
    await l1.test.setAutomine(false)
    const sent: Hash[] = []
    for (const call of [create(early.root, 9999n), prove(early, index)]) {
      const nonce = await l1.client.getTransactionCount({ address: user.address, blockTag: 'pending' })
      const fixed = { account: user, chain: null, gas: 2_000_000n, nonce }
      sent.push(await l1.wallet(user).writeContract({ ...call, ...fixed } as never))
    }
    await l1.test.mine({ blocks: 1 })
    await l1.test.setAutomine(true)
    for (const hash of sent) await mined(hash)
    expect(await refusal(finalise(early))).toBe('same-second: prove-again')
    // Struck out.
    const struck = await gameOf(early.root, 9999n)
    await send({ ...portal, functionName: 'blacklistDisputeGame', args: [struck.address] }, owner)
    expect(await refusal(finalise(early))).toBe('game-blacklisted: prove-again')
    // Retired, with what was won before; then another type.
    const old = withdrawal()
    const won = await world.proven(old)
    await world.decide(won.game, 1)
    await l1.pass(Number(windows.proofMaturitySeconds + windows.disputeFinalitySeconds) + 1)
    expect(await refusal(finalise(old))).toBe('not refused')
    for (const type of [0, 1]) {
      await send({ ...portal, functionName: 'setRespectedGameType', args: [type] }, owner)
      expect(await refusal(finalise(old))).toBe('game-retired: prove-again')
    }
    expect(await refusal(prove(old, won.index))).toBe('game-retired: prove-again')
    await send({ ...portal, functionName: 'setRespectedGameType', args: [0] }, owner)
  })

  it('is told of pauses, whoever throws it', async () => {
    const { withdrawal, finalise, addresses } = world
    const made = withdrawal()
    const superchain = { address: addresses.superchainConfig, abi: artifacts.contract('SuperchainConfig').abi as Abi }
    const everywhere = async () => {
      const call = finalise(made)
      const data = encodeFunctionData(call)
      const reader = createL1Reader(l1.client)
      const request = { from: user.address, to: call.address, data }
      const errors = [
        await thrown(l1.wallet(user).writeContract({ ...call, account: user, chain: null } as never)),
        await thrown(l1.wallet(user).sendTransaction({ to: call.address, data, account: user, chain: null })),
        await thrown(l1.client.call({ account: user, to: call.address, data })),
        await thrown(reader.request('eth_call', [request, 'latest'])),
        await thrown(reader.request('eth_call', [request, 'latest'], portalAbi)),
      ]
      return errors.map(error => withdrawalRefusal(error)?.type)
    }
    expect(await everywhere()).toEqual(Array.from({ length: 5 }, () => 'not-proven'))
    await send({ ...superchain, functionName: 'pause', args: [''] }, owner)
    expect(await everywhere()).toEqual(Array.from({ length: 5 }, () => 'paused'))
    await send({ ...superchain, functionName: 'unpause' }, owner)
  })

  it('is told of what a withdrawal calls', async () => {
    const { withdrawal, finalise, portal, receiver } = world
    const tell = (mode: number, target: Address, data: Hex) =>
      send({
        ...{ address: receiver, abi: receiverAbi as unknown as Abi },
        ...{ functionName: 'configure', args: [mode, target, data] },
      })
    const [made, inner] = [withdrawal({ target: receiver }), withdrawal()]
    const { game } = await world.proven(made)
    await world.decide(game, 1)
    await l1.pass(Number(windows.proofMaturitySeconds + windows.disputeFinalitySeconds) + 1)
    await tell(1, receiver, '0x')
    const estimated: Call = {
      ...{ ...portal, functionName: 'finalizeWithdrawalTransactionExternalProof' },
      args: [made.withdrawal, user.address],
    }
    expect(await refusal(estimated, '0x0000000000000000000000000000000000000001')).toBe('call-fails: nothing')
    await tell(3, portal.address, encodeFunctionData(finalise(inner)))
    await send({ ...finalise(made) })
    const read = { address: receiver, abi: receiverAbi, functionName: 'answer' } as const
    expect(withdrawalRefusal({ data: await l1.client.readContract(read) })?.type).toBe('nested')
  })
})

describe('withdrawalRefusal', () => {
  it('has nothing to say of other errors', () => {
    const circle: { cause?: unknown } = {}
    circle.cause = circle
    for (const other of [
      ...[undefined, null, 1, 'OptimismPortal: invalid game type', {}, circle, new Error('gone'), { data: '0x' }],
      ...[{ data: '0x08c379a0' }, { data: `0x${'ff'.repeat(10_000)}` }, new Error('OptimismPortal: what is this')],
    ])
      expect(withdrawalRefusal(other)).toBeUndefined()
  })
})
