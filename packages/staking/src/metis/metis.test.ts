import { isL2Error } from '@l2/common'
import { seededRandom } from '@l2/common/testing'
import {
  createPublicClient,
  createWalletClient,
  custom,
  decodeFunctionData,
  encodeAbiParameters,
  encodeErrorResult,
  encodeEventTopics,
  encodeFunctionResult,
  type Hex,
  isAddress,
  keccak256,
  parseTransaction,
  stringToHex,
  toEventSelector,
  toFunctionSelector,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { account, keyOf, metisCommand, mpc, owner, payer } from '../../test/metis-simulation.js'
import { applySequencerSet, createSequencerSet, setEpochAt } from '../epoch/sequencer-set.js'
import { applyMetisPool } from '../pool/metis-profile.js'
import type { MetisCommand, MetisEvent, MetisPoolState } from '../pool/metis-state.js'
import { createMetisPool } from '../pool/metis-state.js'
import { lockingInfoAbi, lockingPoolAbi, sequencerSetAbi, transferAbi } from './abi.js'
import { decodeMetisRevert, type MetisCall, prepareMetis, sendMetis, simulateMetis } from './calls.js'
import { metisDeployments } from './deployments.js'
import { foldMetisLogs, type MetisLog, parseMetisLog } from './fold.js'
import {
  detectMetisVersion,
  metisEpochFromSlots,
  metisEpochSlots,
  readMetisEpochAt,
  readMetisPool,
  readMetisSequencer,
} from './reads.js'

const deployment = metisDeployments.mainnet
const metis = 10n ** 18n

describe('interface', () => {
  it('has the selectors of the deployed contracts', () => {
    const selectors = Object.fromEntries(
      [...lockingPoolAbi, ...lockingInfoAbi, ...sequencerSetAbi].flatMap(item =>
        item.type === 'function' ? [[item.name, toFunctionSelector(item)]] : [],
      ),
    )
    expect(selectors).toMatchObject({
      lockFor: '0xaf70cba5',
      lockWithRewardRecipient: '0x9ad42030',
      relock: '0x015bb180',
      withdraw: '0x441a3e70',
      withdrawRewards: '0x17396687',
      unlock: '0x262c0e66',
      forceUnlock: '0xca99e838',
      unlockClaim: '0x8ddc74de',
      updateSigner: '0xf41a9642',
      setSequencerOwner: '0xa953791f',
      setSequencerRewardRecipient: '0xd83b0e14',
      batchSubmitRewards: '0x11c7d144',
      setWhitelist: '0x53d6fd59',
      setPause: '0xbedb86fb',
      updateMpc: '0xd11d0681',
      updateBlockReward: '0xf580ffcb',
      updateWithdrawDelayTimeValue: '0x71e10cfa',
      setSignerUpdateThrottle: '0xbfd6fc3f',
      sequencers: '0x6ba7ccff',
      seqOwners: '0x169abefc',
      seqSigners: '0xbeb26755',
      seqStatuses: '0x86d203ab',
      totalSequencers: '0xcc3ab923',
      whitelist: '0x9b19251a',
      curBatchState: '0xb4472970',
      currentBatch: '0x76cd940e',
      rewardPerBlock: '0x8ae39cac',
      BLOCK_REWARD: '0x7f05b9ef',
      exitDelayPeriod: '0x3478874b',
      WITHDRAWAL_DELAY: '0x0ebb172a',
      signerUpdateThrottle: '0xc65066d4',
      mpcAddress: '0x111f4630',
      escrow: '0xe2fdcc17',
      paused: '0x5c975abb',
      minLock: '0xf037c630',
      maxLock: '0x6c0b3e46',
      totalLocked: '0x56891412',
      totalRewardsLiquidated: '0xcd6b8388',
      rewardPayer: '0x6eb27154',
      manager: '0x481c6a75',
      l1Token: '0xc01e1bd6',
      bridge: '0xe78cea92',
      l2ChainId: '0xd6ae3cd5',
      commitEpoch: '0x4fb71bdd',
      recommitEpoch: '0x2c91c679',
      epochs: '0xc6b61e4c',
      currentEpoch: '0x76671808',
      currentEpochNumber: '0x6903beb4',
      getEpochByBlock: '0x46df33d2',
      getMetisSequencer: '0x3edae769',
      finalizedEpoch: '0x6bfa7398',
      finalizedBlock: '0x4084c3ab',
      epochLength: '0x57d775f8',
      UpdateMpcAddress: '0x643dbfce',
      UpdateEpochLength: '0x24316ccb',
    })
  })
  it('has its error selectors and event topics', () => {
    const errors = Object.fromEntries(
      lockingPoolAbi.flatMap(item =>
        item.type === 'error' ? [[item.name, encodeErrorResult({ abi: [item] } as never)]] : [],
      ),
    )
    expect(errors).toEqual({
      OwnedSequencer: '0x4e1fb3bc',
      SignerExisted: '0xb5013d2b',
      NoSuchSeq: '0x2f0edabe',
      NullAddress: '0xe99d5ac5',
      SeqNotActive: '0xc4946571',
      NotSeqOwner: '0xa91da8ff',
      NotSeqSigner: '0x6b95264b',
      NoRewardRecipient: '0xc4fc1dcc',
      NotWhitelisted: '0x584a7938',
    })
    const topic = (name: string) =>
      toEventSelector(
        [...lockingPoolAbi, ...sequencerSetAbi].find(item => item.type === 'event' && item.name === name) as never,
      )
    expect(topic('DistributeReward')).toMatch(/^0x57f14bf0.*baf0a1$/)
    expect(topic('NewEpoch')).toMatch(/^0x9030849b.*4cc6$/)
    expect(topic('ReCommitEpoch')).toMatch(/^0x2cfee2bd.*31da$/)
  })
  it('has well-formed addresses and the storage layout', () => {
    for (const set of Object.values(metisDeployments)) {
      for (const value of Object.values(set)) if (typeof value === 'string') expect(isAddress(value), value).toBe(true)
    }
    expect(metisEpochSlots(0n)[0]).toMatch(/^0xd4e1ac8b.*3cc9$/)
    expect(metisEpochSlots(1n)[0]).toMatch(/^0x6bee784e.*e71d$/)
    expect(metisEpochFromSlots([3n, BigInt(account(5)), 10n, 20n])).toEqual({
      number: 3n,
      signer: account(5),
      startBlock: 10n,
      endBlock: 20n,
    })
    expect(metisEpochFromSlots([0n, 0n, 0n, 0n])).toBeUndefined()
  })
  it('decodes calldata and transactions as Metis’ own tests do', () => {
    const commit = decodeFunctionData({
      abi: sequencerSetAbi,
      data: `0x4fb71bdd${[1n, 600n, 799n].map(v => v.toString(16).padStart(64, '0')).join('')}${account(9).slice(2).padStart(64, '0')}`,
    })
    expect(commit).toMatchObject({ functionName: 'commitEpoch', args: [1n, 600n, 799n, account(9)] })
    // v = 0x08bf is EIP-155 for chain 1102.
    expect((0x08bf - 35 - ((0x08bf - 35) % 2)) / 2).toBe(1102)
    expect(() => parseTransaction('0x')).toThrow()
  })
  it('decodes every kind of revert', () => {
    expect(decodeMetisRevert('0x584a7938')).toBe('NotWhitelisted()')
    const text = encodeAbiParameters([{ type: 'string' }], ['Not allowed to cliam']).slice(2)
    expect(decodeMetisRevert(`0x08c379a0${text}`)).toBe('Not allowed to cliam')
    expect(decodeMetisRevert(`0x4e487b71${0x11n.toString(16).padStart(64, '0')}`)).toBe('Panic(0x11)')
    expect(decodeMetisRevert('0xdeadbeef')).toBeUndefined()
    expect(decodeMetisRevert('0x')).toBeUndefined()
  })
})

/** A log of an event, encoded by viem as the chain would. */
function toLog(event: MetisEvent, transactionHash: Hex): MetisLog {
  const abi = event.contract === 'pool' ? lockingPoolAbi : event.contract === 'info' ? lockingInfoAbi : transferAbi
  const item = (
    abi as readonly {
      type: string
      name?: string
      inputs?: readonly { name?: string; type: string; indexed?: boolean }[]
    }[]
  ).find(entry => entry.type === 'event' && entry.name === event.name)!
  const args = event.args as Record<string, unknown>
  const plain = item.inputs!.filter(({ indexed }) => indexed !== true)
  return {
    address:
      event.contract === 'pool'
        ? deployment.lockingPool
        : event.contract === 'info'
          ? deployment.lockingInfo
          : deployment.metisToken,
    topics: encodeEventTopics({ abi: [item], eventName: event.name, args } as never) as [Hex, ...Hex[]],
    data: encodeAbiParameters(
      plain,
      plain.map(({ name }) => args[name!]),
    ),
    transactionHash,
  }
}

function callOf(command: MetisCommand): MetisCall {
  const { by: _by, atSeconds: _at, value: _value, ...call } = command
  return call
}

describe('foldMetisLogs', () => {
  it('rebuilds the state of the contracts from their logs', () => {
    const start = createMetisPool({ owner, mpc, rewardPayer: payer })
    const random = seededRandom(5)
    let state = start
    let at = 1n
    const logs: MetisLog[] = []
    const inputs = new Map<Hex, Hex>()
    for (let i = 0; i < 4000; i++) {
      at += BigInt(random.bool(0.05) ? random.below(30 * 86_400) : 12)
      const command = { ...metisCommand(state, at, random), value: 0n }
      try {
        const { state: next, events } = applyMetisPool(state, command)
        const hash = keccak256(`0x${i.toString(16).padStart(8, '0')}`)
        inputs.set(hash, prepareMetis(deployment, callOf(command)).data)
        logs.push(...events.map(event => toLog(event, hash)))
        state = next
      } catch (error) {
        if (!isL2Error(error, 'METIS_REVERT')) throw error
      }
    }
    const plain = (s: MetisPoolState) => ({
      ...s,
      whitelist: [...s.whitelist],
      sequencers: [...s.sequencers],
      seqOwners: [...s.seqOwners],
      seqSigners: [...s.seqSigners],
    })
    const folded = foldMetisLogs(start, logs, { deployment, inputOf: hash => inputs.get(hash) })
    expect(plain(folded)).toEqual(plain(state))
    // Other contracts' logs are passed over; a missing one is noticed.
    const foreign = { ...logs[0]!, address: account(1) }
    expect(parseMetisLog(deployment, foreign)).toBeUndefined()
    expect(plain(foldMetisLogs(start, [foreign, ...logs], { deployment, inputOf: hash => inputs.get(hash) }))).toEqual(
      plain(state),
    )
    const locked = logs.findIndex(log => parseMetisLog(deployment, log)?.name === 'Locked')
    try {
      foldMetisLogs(
        start,
        logs.filter((_, index) => index !== locked),
        { deployment },
      )
      expect.unreachable()
    } catch (error) {
      expect(isL2Error(error, 'METIS_LOG')).toBe(true)
    }
  })
})

/**
 * A chain of one block that answers by the model of the contracts, through real calldata, return data and revert data.
 */
function modelChain(initial: MetisPoolState, code: Hex = '0x60') {
  let state = initial
  const set = createSequencerSet({
    owner,
    mpc,
    epochLength: 200n,
    firstSigner: account(1),
    firstStartBlock: 400n,
    firstEndBlock: 599n,
    blockNumber: 1n,
  })
  const sequencerSet = applySequencerSet(set, {
    type: 'commitEpoch',
    by: mpc,
    blockNumber: 420n,
    newEpoch: 1n,
    startBlock: 600n,
    endBlock: 799n,
    signer: account(2),
  }).state
  const sent: Hex[] = []
  const revertData = (revert: string): Hex =>
    revert.endsWith('()')
      ? encodeErrorResult({ abi: lockingPoolAbi, errorName: revert.slice(0, -2) as 'NoSuchSeq' })
      : `0x08c379a0${encodeAbiParameters([{ type: 'string' }], [revert]).slice(2)}`
  const call = ({ from, to, data, value }: { from?: Hex; to: Hex; data: Hex; value?: Hex }): Hex => {
    const by = (from ?? account(0)) as Hex
    if (to.toLowerCase() === deployment.lockingInfo.toLowerCase() && data.startsWith('0xc6b61e4c')) {
      const epoch = sequencerSet.epochs[Number(BigInt(`0x${data.slice(10)}`))]
      return encodeFunctionResult({
        abi: sequencerSetAbi,
        functionName: 'epochs',
        result: [epoch?.number ?? 0n, epoch?.signer ?? account(0), epoch?.startBlock ?? 0n, epoch?.endBlock ?? 0n],
      })
    }
    if (data.startsWith('0x6903beb4'))
      return encodeFunctionResult({ abi: sequencerSetAbi, functionName: 'currentEpochNumber', result: 1n })
    const abi = [...lockingPoolAbi, ...lockingInfoAbi] as const
    const { functionName, args = [] } = decodeFunctionData({ abi, data }) as {
      functionName: string
      args?: readonly unknown[]
    }
    const result = (value: unknown): Hex => encodeFunctionResult({ abi, functionName, result: value } as never)
    const views: Record<string, () => unknown> = {
      totalSequencers: () => BigInt(state.totalSequencers),
      curBatchState: () => [state.batch.id, 0n, state.batch.startEpoch, state.batch.endEpoch],
      rewardPerBlock: () => state.rewardPerBlock,
      exitDelayPeriod: () => state.exitDelayPeriod,
      signerUpdateThrottle: () => state.signerUpdateThrottle,
      mpcAddress: () => state.mpc,
      paused: () => state.paused,
      totalLocked: () => state.totalLocked,
      totalRewardsLiquidated: () => state.totalRewardsLiquidated,
      minLock: () => state.minLock,
      maxLock: () => state.maxLock,
      rewardPayer: () => state.rewardPayer,
      sequencers: () => {
        const s = state.sequencers.get(Number(args[0]))
        return s === undefined
          ? [0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, account(0), account(0), '0x', account(0), 0]
          : [
              s.amount,
              s.reward,
              s.activationBatch,
              s.updatedBatch,
              s.deactivationBatch,
              s.deactivationTime,
              s.unlockClaimTime,
              s.nonce,
              s.owner,
              s.signer,
              s.pubkey,
              s.rewardRecipient,
              s.status,
            ]
      },
    }
    const view = views[functionName]
    if (view !== undefined) return result(view())
    const fields: Record<string, string[]> = {
      lockFor: ['signer', 'amount', 'pubkey'],
      relock: ['id', 'amount', 'lockReward'],
      withdraw: ['id', 'amount'],
      withdrawRewards: ['id'],
      unlock: ['id'],
      unlockClaim: ['id'],
      setWhitelist: ['user', 'yes'],
    }
    const command = Object.fromEntries(
      fields[functionName]!.map((field, i) => [field, field === 'id' ? Number(args[i]) : args[i]]),
    )
    state = applyMetisPool(state, {
      type: functionName,
      by,
      atSeconds: 1n,
      value: BigInt(value ?? '0x0'),
      ...command,
    } as MetisCommand).state
    return '0x'
  }
  const transport = custom({
    async request({ method, params }: { method: string; params: readonly unknown[] }) {
      if (method === 'eth_chainId') return '0x1'
      if (method === 'eth_getStorageAt') return `0x${account(77).slice(2).padStart(64, '0')}`
      if (method === 'eth_getCode') return (params[0] as string).toLowerCase() === account(77) ? code : '0x'
      if (method === 'eth_call') {
        const before = state
        try {
          return call(params[0] as never)
        } catch (error) {
          if (!isL2Error(error, 'METIS_REVERT')) throw error
          throw Object.assign(new Error('execution reverted'), {
            code: 3,
            data: revertData(String(error.details['revert'])),
          })
        } finally {
          state = before
        }
      }
      if (method === 'eth_sendTransaction') {
        call(params[0] as never)
        sent.push((params[0] as { data: Hex }).data)
        return keccak256('0x01')
      }
      throw new Error(`no ${method}`)
    },
  })
  return { transport, sent, current: () => state, sequencerSet }
}

describe('actions', () => {
  const whitelisted = applyMetisPool(createMetisPool({ owner, mpc, rewardPayer: payer }), {
    type: 'setWhitelist',
    by: owner,
    atSeconds: 1n,
    user: account(3),
    yes: true,
  }).state
  it('simulate, decode what the contract says, send', async () => {
    const chain = modelChain(whitelisted)
    const publicClient = createPublicClient({ transport: chain.transport })
    const walletClient = createWalletClient({ account: account(3), transport: chain.transport })
    const call: MetisCall = { type: 'lockFor', ...keyOf(3), amount: 20_000n * metis }
    await expect(simulateMetis(publicClient, { deployment, account: account(4), call })).rejects.toMatchObject({
      code: 'METIS_REVERT',
      details: { revert: 'NotWhitelisted()' },
    })
    await expect(
      simulateMetis(publicClient, { deployment, account: account(3), call: { ...call, amount: 1n } }),
    ).rejects.toMatchObject({ details: { revert: 'invalid amount' } })
    await sendMetis({ publicClient, walletClient: walletClient as never }, { deployment, call })
    expect(chain.sent).toEqual([prepareMetis(deployment, call).data])
    expect(await readMetisSequencer(publicClient, { deployment, id: 1 })).toEqual(chain.current().sequencers.get(1))
    expect(await readMetisSequencer(publicClient, { deployment, id: 2 })).toBeUndefined()
    expect(await readMetisPool(publicClient, { deployment })).toMatchObject({
      totalSequencers: 1,
      totalLocked: 20_000n * metis,
      paused: false,
      batch: { id: 1n },
      mpc,
    })
    // Ether without a reward would be lost, and other calls take none.
    await expect(
      simulateMetis(publicClient, {
        deployment,
        account: account(3),
        call: { type: 'withdrawRewards', id: 1 },
        value: 1n,
      }),
    ).rejects.toMatchObject({ code: 'INPUT_INVALID' })
    expect(() => prepareMetis(deployment, call, { value: 1n })).toThrow(/takes no ether/)
  })
  it('finds epochs by binary search and tells the two versions apart', async () => {
    const chain = modelChain(whitelisted)
    const client = createPublicClient({ transport: chain.transport })
    for (const l2Block of [399n, 400n, 599n, 600n, 799n, 800n]) {
      expect((await readMetisEpochAt(client, { deployment, l2Block }))?.number).toBe(
        setEpochAt(chain.sequencerSet, l2Block),
      )
    }
    expect(await detectMetisVersion(client, { deployment })).toBe('head')
    const old = createPublicClient({
      transport: modelChain(whitelisted, `0x60${stringToHex('BFT restriction').slice(2)}60`).transport,
    })
    expect(await detectMetisVersion(old, { deployment })).toBe('2024-06')
  })
  it('encodes every call so that the ABI reads it back', () => {
    const random = seededRandom(9)
    let state = createMetisPool({ owner, mpc, rewardPayer: payer })
    const seen = new Set<string>()
    const extra: MetisCall[] = [
      { type: 'updateMpc', mpc },
      { type: 'updateWithdrawDelayTimeValue', seconds: 5n },
      { type: 'setSignerUpdateThrottle', batches: 2n },
      { type: 'setMinLock', amount: 1n },
      { type: 'setMaxLock', amount: 2n },
      { type: 'setRewardPayer', payer },
    ]
    for (let i = 0; i < 300; i++) {
      const command = metisCommand(state, BigInt(i * 86_400), random)
      const call = extra[i] ?? callOf(command)
      const { data, to } = prepareMetis(deployment, call)
      const abi = to === deployment.lockingPool ? lockingPoolAbi : lockingInfoAbi
      expect(decodeFunctionData({ abi, data } as never)).toMatchObject({ functionName: call.type })
      seen.add(call.type)
      try {
        state = applyMetisPool(state, command).state
      } catch {}
    }
    expect(seen.size).toBe(21)
  })
})

it('an account of viem signs what is prepared', async () => {
  const signer = privateKeyToAccount(`0x${'11'.repeat(32)}`)
  const raw = await signer.signTransaction({
    ...prepareMetis(deployment, { type: 'unlock', id: 1 }),
    chainId: 1,
    gas: 1n,
    maxFeePerGas: 1n,
    nonce: 0,
  })
  expect(parseTransaction(raw).data).toBe(prepareMetis(deployment, { type: 'unlock', id: 1 }).data)
})
