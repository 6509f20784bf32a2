/**
 * A page of a dapp: rate, APR and waiting time of a liquid-staking token, what a deposit would give, and a live vault if one is named.
 *
 *   npx vite examples/page
 */
import { applyLiquid, assets, createLiquid, liquidApr, liquidRate, liquidWait, quoteDeposit } from '@l2/lst'
import { readVaultRate } from '@l2/lst/viem'
import { createPublicClient, formatUnits, http, isAddress, parseUnits } from 'viem'

const show = (id: string, text: string): void => {
  document.getElementById(id)!.textContent = text
}
const percent = (rateE18: bigint): string => `${Number(formatUnits(rateE18 * 100n, 18)).toFixed(2)} %`

// Thirty days of a protocol with one seat: in a dapp this state comes from the events of its contracts.
const day = 86_400n
const metis = 10n ** 18n
let lst = createLiquid({ preset: 'recommended', entrySeconds: 0n })
lst = applyLiquid(lst, { type: 'registerSeat', seat: 1 }).state
lst = applyLiquid(lst, { type: 'deposit', account: 'everybody', assets: assets(50_000n * metis), nowSeconds: 0n }).state
lst = applyLiquid(lst, { type: 'lockSeat', seat: 1, assets: assets(45_000n * metis), nowSeconds: 0n }).state
for (let n = 1n; n <= 30n; n++) {
  const event = { type: 'RewardAccrued', id: 1, operatorWei: 20n * metis, delegatorsWei: 0n }
  lst = applyLiquid(lst, { type: 'feed', sequence: n, event }).state
  lst = applyLiquid(lst, { type: 'report', nowSeconds: n * day }).state
}
const apr = liquidApr(lst)?.aprE18 ?? 0n
show('rate', formatUnits(liquidRate(lst).rate, 27))
show('apr', percent(apr))
show('wait', `${Number(liquidWait(lst, assets(100n * metis)).seconds) / 86_400} days`)

const amount = document.getElementById('amount') as HTMLInputElement
const quote = (): void => {
  const wei = /^\d{1,9}(\.\d{1,18})?$/.test(amount.value) ? parseUnits(amount.value, 18) : 0n
  show('shares', formatUnits(quoteDeposit(lst, assets(wei)).amount, 18))
  show('year', formatUnits(wei + (wei * apr) / 10n ** 18n, 18))
}
amount.addEventListener('input', quote)
quote()

const asked = new URLSearchParams(location.search)
const [rpc, address] = [asked.get('rpc'), asked.get('vault')]
if (rpc !== null && address !== null && isAddress(address)) {
  const client = createPublicClient({ transport: http(rpc) })
  readVaultRate(client, { address }).then(
    ({ rate }) => show('vault', `a share is worth ${formatUnits(rate, 27)}`),
    error => show('vault', error.shortMessage ?? String(error)),
  )
}
