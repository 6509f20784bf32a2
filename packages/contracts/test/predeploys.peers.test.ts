import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom, testSeed } from '@l2/common/testing'
import { l1BlockPredeploy } from '@l2/sequencer-core/derivation'
import {
  type Abi,
  type Address,
  bytesToHex,
  decodeFunctionResult,
  encodeFunctionData,
  type Hex,
  numberToHex,
} from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { goVersion, moduleFolder, pins } from '../../../scripts/go.mjs'
import { gasPriceOracleAbi, gasPriceOracleDeployedBytecode } from '../src/gas-price-oracle/index.js'
import { withImmutables } from '../src/immutables.js'
import { l1BlockAbi, l1BlockDeployedBytecode } from '../src/l1-block/index.js'
import { messagePasserAbi, messagePasserDeployedBytecode } from '../src/message-passer/index.js'
import {
  operatorFeeVaultAbi,
  operatorFeeVaultDeployedBytecode,
  operatorFeeVaultImmutables,
} from '../src/operator-fee-vault/index.js'
import { accounts, type Chain } from './anvil.js'
import { randomData, randomInfo, randomUint, setAttributes } from './attributes.js'
import { passerAddress, startL2, withdrawalsOf } from './rollup.js'

type State = Record<string, { code?: Hex; storage?: Record<Hex, Hex> }>

/** The predeploys of the OP Stack at Jovian as its Go module has them; nothing is downloaded but where the peers are asked for. */
function frozen(): State | undefined {
  if (goVersion() === undefined) return undefined
  const before = process.env['GOPROXY']
  if (process.env['L2_PEERS'] === undefined) process.env['GOPROXY'] = 'off'
  try {
    const { folder } = moduleFolder(pins['op-node']!)
    const file = folder && join(folder, 'op-core/nuts/state/jovian_state.json')
    return file && existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as State) : undefined
  } finally {
    if (before === undefined) delete process.env['GOPROXY']
    else process.env['GOPROXY'] = before
  }
}

const state = frozen()
if (state === undefined)
  process.stdout.write('skipped: no frozen predeploys; they are in the Go module of the OP Stack\n')

const oracle: Address = '0x420000000000000000000000000000000000000f'
const vault: Address = '0x420000000000000000000000000000000000001b'
const [, alice] = accounts
const random = seededRandom(testSeed())
const full = process.env['L2_PEERS'] === 'full'

let ours: Chain
let theirs: Chain
beforeAll(async () => {
  if (state === undefined) return
  ;[ours, theirs] = await Promise.all([startL2(), startL2()])
  for (const [address, { code, storage }] of Object.entries(state)) {
    if (code !== undefined) await theirs.client.setCode({ address: address as Address, bytecode: code })
    for (const [slot, value] of Object.entries(storage ?? {}))
      await theirs.client.setStorageAt({ address: address as Address, index: slot as Hex, value: value as Hex })
  }
  await ours.client.setCode({ address: l1BlockPredeploy, bytecode: l1BlockDeployedBytecode })
  await ours.client.setCode({ address: oracle, bytecode: gasPriceOracleDeployedBytecode })
  await ours.client.setCode({ address: passerAddress, bytecode: messagePasserDeployedBytecode })
  const rules = (await theirs.client.getStorageAt({ address: oracle, slot: '0x0' }))!
  await ours.client.setStorageAt({ address: oracle, index: 0, value: rules })
})
afterAll(() => Promise.all([ours?.close(), theirs?.close()]))

/** What both answer to a call, which must be the same or refused by both. */
async function answers(address: Address, abi: Abi, functionName: string, args: readonly unknown[] = []) {
  const data = encodeFunctionData({ abi, functionName, args })
  const [a, b] = await Promise.all(
    [ours, theirs].map(chain =>
      chain.client.call({ to: address, data }).then(
        ({ data }) => decodeFunctionResult({ abi, functionName, data: data! }),
        () => 'refused',
      ),
    ),
  )
  expect(a, `${functionName} seed ${random.seed}`).toEqual(b)
  return a
}

const views = (abi: Abi) =>
  abi.flatMap(item =>
    item.type === 'function' &&
    item.stateMutability !== 'nonpayable' &&
    item.inputs.length === 0 &&
    item.name !== 'version'
      ? [item.name]
      : [],
  )

describe.skipIf(state === undefined)('our predeploys beside those of the OP Stack at Jovian', () => {
  it('L1Block stores the same words and answers the same', async () => {
    for (let round = 0; round < (full ? 300 : 40); round++) {
      const info = randomInfo(random, random.pick(['bedrock', 'ecotone', 'isthmus', 'jovian'] as const))
      const [a, b] = await Promise.all([ours, theirs].map(chain => setAttributes(chain, info)))
      expect([a!.status, b!.status]).toEqual(['success', 'success'])
      for (let slot = 0; slot < 10; slot++) {
        const [x, y] = await Promise.all(
          [ours, theirs].map(chain =>
            chain.client.getStorageAt({ address: l1BlockPredeploy, slot: numberToHex(slot) }),
          ),
        )
        expect(x, `slot ${slot} of ${info.layout}, seed ${random.seed} round ${round}`).toBe(y)
      }
    }
    for (const name of views(l1BlockAbi as unknown as Abi))
      await answers(l1BlockPredeploy, l1BlockAbi as unknown as Abi, name)
    for (const name of ['setL1BlockValuesEcotone', 'setL1BlockValuesIsthmus', 'setL1BlockValuesJovian'])
      expect(await answers(l1BlockPredeploy, l1BlockAbi as unknown as Abi, name)).toBe('refused')
  })

  it('GasPriceOracle computes the same fees', async () => {
    const abi = gasPriceOracleAbi as unknown as Abi
    for (let round = 0; round < (full ? 500 : 40); round++) {
      const info = randomInfo(random, 'jovian')
      await Promise.all([ours, theirs].map(chain => setAttributes(chain, info)))
      const data = bytesToHex(randomData(random, 4_000))
      for (const [name, ...args] of [
        ['getL1Fee', data],
        ['getL1GasUsed', data],
        ['getL1FeeUpperBound', BigInt(random.below(200_000))],
        ['getOperatorFee', randomUint(random, 64)],
        ['getOperatorFee', randomUint(random, 256)],
        ...views(abi)
          .filter(name => name !== 'gasPrice' && name !== 'baseFee')
          .map(name => [name] as const),
      ] as const)
        expect((await answers(oracle, abi, name, args)) !== 'refused' || !name.startsWith('getL1')).toBe(true)
    }
  })

  it('GasPriceOracle switches the rules alike, and before Jovian computes the same', async () => {
    const abi = gasPriceOracleAbi as unknown as Abi
    const depositor = '0xdeaddeaddeaddeaddeaddeaddeaddeaddead0001' as const
    const call = async (chain: Chain, name: string, account: Address) => {
      const hash = await chain.client.writeContract({
        address: oracle,
        abi,
        functionName: name,
        account,
        gas: 200_000n,
        gasPrice: 0n,
      })
      return (await chain.mined(hash)).status
    }
    for (const chain of [ours, theirs])
      await chain.client.setStorageAt({ address: oracle, index: 0, value: `0x${'0'.repeat(64)}` })
    for (const [account, name] of [
      ...['setFjord', 'setIsthmus', 'setJovian'].map(name => [depositor, name] as const),
      ...['setEcotone', 'setFjord', 'setIsthmus', 'setJovian'].flatMap(
        name =>
          [
            [alice.address, name],
            [depositor, name],
            [depositor, name],
          ] as const,
      ),
    ]) {
      expect(await call(ours, name, account)).toBe(await call(theirs, name, account))
      const [a, b] = await Promise.all(
        [ours, theirs].map(chain => chain.client.getStorageAt({ address: oracle, slot: '0x0' })),
      )
      expect(a).toBe(b)
      const info = randomInfo(random, a!.endsWith('0101') ? 'isthmus' : a!.endsWith('01') ? 'ecotone' : 'bedrock')
      await Promise.all([ours, theirs].map(chain => setAttributes(chain, info)))
      const data = bytesToHex(randomData(random, 1_000))
      for (const [name, ...args] of [
        ['getL1Fee', data],
        ['getL1GasUsed', data],
        ['getL1FeeUpperBound', 300n],
        ['getOperatorFee', randomUint(random, 256)],
        ['overhead'],
        ['scalar'],
      ] as const)
        await answers(oracle, abi, name, args)
    }
  })

  it('OperatorFeeVault pays out as theirs does', async () => {
    const abi = operatorFeeVaultAbi as unknown as Abi
    const [recipient, minimum, network] = (await Promise.all(
      ['RECIPIENT', 'MIN_WITHDRAWAL_AMOUNT', 'WITHDRAWAL_NETWORK'].map(name =>
        theirs.read({ address: vault, abi }, name),
      ),
    )) as [Address, bigint, number]
    await ours.client.setCode({
      address: vault,
      bytecode: withImmutables(operatorFeeVaultDeployedBytecode, operatorFeeVaultImmutables, {
        RECIPIENT: recipient,
        MIN_WITHDRAWAL_AMOUNT: minimum,
        WITHDRAWAL_NETWORK: BigInt(network),
      }),
    })
    // Theirs withdraws to L1 as the frozen state has it, so ours gets a passer that takes value.
    await ours.client.setCode({
      address: passerAddress,
      bytecode: (await theirs.client.getCode({ address: '0xc0d3c0d3c0d3c0d3c0d3c0d3c0d3c0d3c0d30016' }))!,
    })
    for (const value of [0n, minimum, minimum - 1n, minimum + 12_345n].filter(value => value >= 0n)) {
      for (const chain of [ours, theirs]) await chain.client.setBalance({ address: vault, value })
      const [a, b] = await Promise.all(
        [ours, theirs].map(chain => chain.attempt({ address: vault, abi }, 'withdraw', [])),
      )
      const plain = ({ status, logs }: typeof a & object) => ({
        status,
        logs: logs.map(({ address, topics, data }) => ({ address, topics, data })),
      })
      expect(plain(a!)).toEqual(plain(b!))
      expect(a!.status).toBe(value < minimum ? 'reverted' : 'success')
      await answers(vault, abi, 'totalProcessed')
    }
  })

  it('MessagePasser keeps and announces withdrawals as theirs does', async () => {
    await ours.client.setCode({ address: passerAddress, bytecode: messagePasserDeployedBytecode })
    const at = { address: passerAddress, abi: messagePasserAbi as unknown as Abi }
    for (const chain of [ours, theirs])
      await chain.client.setStorageAt({ address: passerAddress, index: 1, value: `0x${'0'.repeat(64)}` })
    for (let round = 0; round < 20; round++) {
      const args = [bytesToHex(random.bytes(20)), randomUint(random, 200), bytesToHex(random.bytes(random.below(300)))]
      const [a, b] = await Promise.all(
        [ours, theirs].map(chain => chain.send(at, 'initiateWithdrawal', args, { from: alice })),
      )
      expect(withdrawalsOf(a!)).toEqual(withdrawalsOf(b!))
      expect(a!.logs.map(({ data, topics }) => [data, topics])).toEqual(
        b!.logs.map(({ data, topics }) => [data, topics]),
      )
    }
    for (const name of views(at.abi)) await answers(passerAddress, at.abi, name)
  })
})
