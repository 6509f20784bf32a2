import { rebateShares, rebateTree } from '@l2/sequencer-core/economics'
import { numberToHex, type TransactionReceipt } from 'viem'
import { createSplitterWorld } from '../test/fee-splitter-world.js'
import { createLiquidWorld, people, roles } from '../test/liquid-world.js'

type Row = (name: string, receipt: Pick<TransactionReceipt, 'gasUsed'>) => void
const one = 10n ** 18n

/** What a holder of liquid stake and its reporter pay. */
export async function liquidStaking(row: Row): Promise<void> {
  const world = await createLiquidWorld()
  try {
    const { anvil, vault, call, nowSeconds } = world
    const [alice, bob] = people
    const send = (from: `0x${string}`, name: string, args: readonly unknown[]) =>
      world.send(from, vault.address, call(name, args))
    const later = async (seconds: bigint) => {
      const params = [numberToHex((await nowSeconds()) + seconds)]
      await (anvil.client.request as (args: unknown) => Promise<unknown>)({
        method: 'evm_setNextBlockTimestamp',
        params,
      })
    }
    const nothing = { seatsNowWei: 0n, appearedWei: 0n, lastId: 0n, maxRateE27: 0n, appearedSeats: 0n, bunker: false }
    row('`LiquidVault.deposit`, the first of an account', await send(alice, 'deposit', [100n * one, alice]))
    row('`LiquidVault.deposit`', await send(alice, 'deposit', [100n * one, alice]))
    await send(bob, 'deposit', [100n * one, bob])
    row('`LiquidVault.requestRedeem`, the first', await send(alice, 'requestRedeem', [one, alice, alice]))
    row('`LiquidVault.requestRedeem`', await send(alice, 'requestRedeem', [one, alice, alice]))
    for (let i = 0; i < 98; i++) await send(bob, 'requestRedeem', [one / 10n, bob, bob])
    row('`LiquidVault.receiveRewards`', await send(alice, 'receiveRewards', [one / 100n]))
    await later(86_400n)
    row('`LiquidVault.report`, nothing paid', await send(roles.reporter, 'report', [nothing]))
    await later(86_400n)
    const maxRateE27 = await anvil.read<bigint>(vault, 'rateE27')
    const paid = await send(roles.reporter, 'report', [{ ...nothing, lastId: 100n, maxRateE27 }])
    row('`LiquidVault.report`, 100 requests paid', paid)
    row('`LiquidVault.claim`', await send(alice, 'claim', [1n, alice]))
  } finally {
    await world.close()
  }
}

/** What it costs to share what a rollup earned. */
export async function splitting(row: Row): Promise<void> {
  const world = await createSplitterWorld('ether', {
    sequencer: 3000,
    stakers: 2000,
    lst: 1000,
    treasury: 2000,
    users: 2000,
  })
  try {
    const { anvil, splitter, governor, stranger } = world
    for (const amountWei of [10n ** 18n, 10n ** 18n]) {
      await anvil.mined(
        await anvil.client.sendTransaction({ account: governor, to: splitter.address, value: amountWei }),
      )
    }
    await anvil.send(splitter, 'distribute', [])
    await anvil.mined(
      await anvil.client.sendTransaction({ account: governor, to: splitter.address, value: 10n ** 18n }),
    )
    row('`FeeSplitter.distribute`, to five parties', await anvil.send(splitter, 'distribute', []))
    const users = Array.from({ length: 1000 }, (_, at) => `0x${(at + 4096).toString(16).padStart(40, 'e')}`)
    const tree = rebateTree(
      rebateShares(
        one / 10n,
        users.map(user => ({ user, feesPaid: 1n })),
      ),
    )
    row('`FeeSplitter.openRebate`', await anvil.send(splitter, 'openRebate', [tree.root, tree.totalWei]))
    const { index, account, amountWei, proof } = tree.claims[7]!
    const claim = [0n, index, account, amountWei, proof]
    row('`FeeSplitter.claim`, one of 1,000', await anvil.send(splitter, 'claim', claim, { from: stranger }))
  } finally {
    await world.close()
  }
}
