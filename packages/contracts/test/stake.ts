import { createPool } from '@l2/staking'
import { type Abi, type Address, type Hex, parseEther } from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { equivocationVerifierAbi, equivocationVerifierBytecode } from '../src/equivocation-verifier/index.js'
import {
  type SequencerPoolConfig,
  type SequencerPoolRollup,
  sequencerPoolAbi,
  sequencerPoolDeployment,
} from '../src/sequencer-pool/index.js'
import { oddTokenAbi, oddTokenBytecode } from '../src/testing/odd-token/index.js'
import { type At, accounts, type Chain, startAnvil } from './anvil.js'

/** The domain in which leaders of the tests sign. */
export const l2ChainId = 901n
export const rollup: Address = `0x${'0b'.repeat(20)}`
export const sequencers: readonly PrivateKeyAccount[] = [1, 2, 3].map(n =>
  privateKeyToAccount(`0x${'5e'.repeat(31)}0${n}`),
)

/** A pool on an L1 of its own, with its verifier and a token that can misbehave. */
export async function startStake(
  options: Partial<SequencerPoolConfig> & { rollup?: SequencerPoolRollup; receiptsFromHeight?: bigint } = {},
) {
  const l1 = await startAnvil(900)
  const [admin] = accounts
  const verifier: At = await l1.deploy(
    { abi: equivocationVerifierAbi as unknown as Abi, bytecode: equivocationVerifierBytecode },
    [l2ChainId, rollup, options.receiptsFromHeight ?? 0n],
  )
  // What the pool refuses comes out of the verifier as it is.
  const errors = sequencerPoolAbi.filter(({ type }) => type === 'error') as unknown as Abi
  verifier.abi = [...verifier.abi, ...errors]
  const token: At = await l1.deploy({ abi: oddTokenAbi as unknown as Abi, bytecode: oddTokenBytecode }, [
    parseEther('10000000'),
  ])
  const at = await deployPool(l1, {
    ...createPool({ admin: admin.address }).config,
    ...{ token: token.address, treasury: admin.address, verifier: verifier.address },
    ...{ paidByBatches: true, minDelegationWei: parseEther('1'), ...options },
  })
  const { pool } = at
  return {
    l1,
    token,
    verifier,
    pool,
    /** Gives an account tokens and a permit, and takes a seat with it; the seat's id. */
    async seat(owner: PrivateKeyAccount, signer: Address, amountWei: bigint, commissionBps = 0): Promise<number> {
      await l1.client.setBalance({ address: owner.address, value: parseEther('100') })
      await l1.send(token, 'transfer', [owner.address, parseEther('200000')])
      await l1.send(token, 'approve', [pool.address, parseEther('200000')], { from: owner })
      await l1.send(pool, 'setWhitelist', [owner.address, true])
      await l1.send(pool, 'lock', [signer, amountWei, `0x${'00'.repeat(20)}`, commissionBps], { from: owner })
      return l1.read<number>(pool, 'idOfOwner', [owner.address])
    },
    async epochs(count: number): Promise<void> {
      for (let i = 0; i < count; i++) {
        const epoch = await l1.read<bigint>(pool, 'epoch')
        await l1.send(pool, 'advanceEpoch', [epoch + 1n])
      }
    },
    close: () => l1.close(),
  }
}

/** Sends what deploys a pool. */
export async function deployPool(
  l1: Chain,
  config: SequencerPoolConfig,
  rollup: SequencerPoolRollup = {},
): Promise<{ pool: At; gasUsed: bigint }> {
  const { libraries, data } = sequencerPoolDeployment(config, rollup)
  const [deployer] = accounts
  let gasUsed = 0n
  const send = async (transaction: { to: Address | null; data: Hex }) => {
    const hash = await l1.client.sendTransaction({ account: deployer, gas: 16_000_000n, ...transaction })
    const receipt = await l1.mined(hash)
    if (receipt.status !== 'success') throw new Error('a deployment reverted')
    gasUsed += receipt.gasUsed
    return receipt
  }
  for (const { address, to, data: code } of libraries) {
    if ((await l1.client.getCode({ address })) === undefined) await send({ to, data: code })
  }
  const { contractAddress } = await send({ to: null, data })
  return { pool: { address: contractAddress!, abi: sequencerPoolAbi as unknown as Abi }, gasUsed }
}
