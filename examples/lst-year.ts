// One year of every preset on the same deposits, the same seats and the same rewards, with one slash in the middle.
// Run: pnpm example examples/lst-year.ts
import {
  applyLiquid,
  assets,
  createLiquid,
  heldAssets,
  type Liquid,
  liquidApr,
  liquidPosition,
  liquidRate,
  liquidShares,
  owedAssets,
  type PresetName,
  type Profile,
  pendingRewards,
  presets,
  type Shares,
} from '@l2/lst'

const oneMetis = 10n ** 18n
const DAY = 86_400n
/** 0.000761 METIS a block, a block every two seconds: what a seat that leads a third of the time earns in a day. */
const SEAT_REWARD = (761n * 10n ** 12n * 43_200n) / 3n
const SLASH_DAY = 183n
const SLASH = 1_000n * oneMetis
const YEAR_DAYS = 365n

type Year = {
  preset: PresetName
  profile: Profile
  lst: Liquid
  rates: number[]
  leaver: bigint
  stayer: bigint
}

function year(preset: PresetName, profile: Profile): Year {
  let lst = createLiquid({ preset, profile })
  for (const seat of [1, 2, 3]) lst = applyLiquid(lst, { type: 'registerSeat', seat, bond: 100n * oneMetis }).state
  const people = { ann: 45_000n, ben: 15_000n, cleo: 500n }
  for (const [account, amount] of Object.entries(people))
    lst = applyLiquid(lst, { type: 'deposit', account, assets: assets(amount * oneMetis), nowSeconds: 0n }).state
  for (const seat of [1, 2, 3])
    lst = applyLiquid(lst, { type: 'lockSeat', seat, assets: assets(20_000n * oneMetis), nowSeconds: 0n }).state

  const rates: number[] = []
  let sequence = 0n
  let exit: { id: bigint; ids: readonly bigint[] } | undefined
  for (let day = 1n; day <= YEAR_DAYS; day++) {
    const nowSeconds = day * DAY
    for (const id of [1, 2, 3]) {
      const event = { type: 'RewardAccrued', id, operatorWei: SEAT_REWARD, delegatorsWei: 0n }
      lst = applyLiquid(lst, { type: 'feed', sequence: ++sequence, event }).state
    }
    if (day === SLASH_DAY - 1n) {
      // Cleo leaves the day before the slash: whether that saves her is what the presets differ in most.
      const shares = liquidShares(lst, 'cleo') as Shares
      const asked = applyLiquid(lst, {
        type: 'requestWithdrawal',
        account: 'cleo',
        shares,
        nowSeconds: nowSeconds - 100n,
      })
      lst = asked.state
      exit = asked.result
      const most = { mostWei: 2n * SLASH, mostOperatorWei: 2n * SLASH, mostDelegatorsWei: 0n }
      const event = { type: 'OffenceAdmitted', id: 2, evidenceId: '0x01', kind: 'ATTESTED_INVALID', ...most }
      lst = applyLiquid(lst, { type: 'feed', sequence: ++sequence, event }).state
    }
    if (day === SLASH_DAY) {
      const slashed = { type: 'Slashed', id: 2, operatorWei: SLASH, delegatorsWei: 0n }
      lst = applyLiquid(lst, { type: 'feed', sequence: ++sequence, event: slashed }).state
      const closed = { type: 'CaseClosed', id: 2, evidenceId: '0x01' }
      lst = applyLiquid(lst, { type: 'feed', sequence: ++sequence, event: closed }).state
    }
    // No report is refused for what came in: Lido's own cap of 10 % a year leaves half of what Metis' seats earn for later.
    lst = applyLiquid(lst, { type: 'report', nowSeconds }).state
    rates.push(Number(liquidRate(lst).rate / 10n ** 18n) / 1e9)
  }
  const nowSeconds = YEAR_DAYS * DAY
  let leaver = 0n
  for (const id of exit?.ids ?? []) {
    const paid = applyLiquid(lst, { type: 'claim', id, account: 'cleo', nowSeconds })
    lst = paid.state
    leaver += paid.result
  }
  return { preset, profile, lst, rates, leaver, stayer: liquidPosition(lst, 'ann').assets }
}

/** ENKI's two tokens: every METIS is staked, and only receipts in the vault earn. The yield of seMETIS when `idle` % are held as eMETIS. */
function twoTokens(idle: bigint): number {
  let lst = createLiquid({ preset: 'enki', profile: 'protocol', entrySeconds: 0n })
  lst = applyLiquid(lst, { type: 'registerSeat', seat: 1 }).state
  const all = 60_000n * oneMetis
  const staked = assets((all * (100n - idle)) / 100n)
  lst = applyLiquid(lst, { type: 'mintReceipt', account: 'ann', assets: assets(all), nowSeconds: 0n }).state
  lst = applyLiquid(lst, { type: 'stakeReceipt', account: 'ann', assets: staked, nowSeconds: 0n }).state
  lst = applyLiquid(lst, { type: 'lockSeat', seat: 1, assets: assets(all), nowSeconds: 0n }).state
  for (let day = 1n; day <= YEAR_DAYS; day++) {
    const event = { type: 'RewardAccrued', id: 1, operatorWei: 3n * SEAT_REWARD, delegatorsWei: 0n }
    lst = applyLiquid(lst, { type: 'feed', sequence: day, event }).state
    lst = applyLiquid(lst, { type: 'report', nowSeconds: day * DAY }).state
  }
  return liquidApr(lst, YEAR_DAYS * DAY)?.apr ?? 0
}

const metis = (wei: bigint): string => (Number(wei / 10n ** 14n) / 1e4).toFixed(4)

function table(years: readonly Year[]): string {
  const head = [
    'preset',
    'profile',
    'rate',
    'APR',
    'lowest day',
    'Ann, 45,000 in',
    'Cleo, left before',
    'not backed',
    'held back',
  ]
  const rows = years.map(({ preset, profile, rates, lst, leaver, stayer }) => {
    const worst = Math.min(...rates.map((rate, i) => rate / (rates[i - 1] ?? 1) - 1))
    return [
      preset,
      profile,
      rates.at(-1)!.toFixed(6),
      `${((rates.at(-1)! - 1) * 100).toFixed(2)} %`,
      `${(worst * 100).toFixed(3)} %`,
      metis(stayer),
      metis(leaver),
      metis(lst.unbacked),
      metis(pendingRewards(lst)),
    ]
  })
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map(row => row[i]!.length)))
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')
  return [line(head), widths.map(width => '─'.repeat(width)).join('  '), ...rows.map(line)].join('\n')
}

/** Rates over the year, one letter a preset. */
function plot(years: readonly Year[], width = 73, height = 16): string {
  const all = years.flatMap(({ rates }) => rates)
  const low = Math.min(...all, 1)
  const high = Math.max(...all)
  const grid = Array.from({ length: height }, () => new Array<string>(width).fill(' '))
  for (const { preset, rates } of years)
    for (let x = 0; x < width; x++) {
      const rate = rates[Math.round((x * (rates.length - 1)) / (width - 1))]!
      const y = height - 1 - Math.round(((rate - low) / (high - low)) * (height - 1))
      const letter = preset[0]!.toUpperCase()
      const cell = grid[y]![x]!
      grid[y]![x] = cell === ' ' || cell === letter ? letter : '*'
    }
  const lines = grid.map((row, y) => {
    const rate = high - ((high - low) * y) / (height - 1)
    return `${rate.toFixed(4)} ┤${row.join('').trimEnd()}`
  })
  const slash = Math.round((Number(SLASH_DAY) / Number(YEAR_DAYS)) * (width - 1))
  return [
    ...lines,
    `       └${'─'.repeat(slash)}┴${'─'.repeat(width - slash - 1)}`,
    `        day 1${'slash'.padStart(slash - 2)}${'day 365'.padStart(width - slash - 3)}`,
  ].join('\n')
}

const years = (Object.keys(presets) as PresetName[]).flatMap(preset =>
  (['sdk', 'protocol'] as const).map(profile => year(preset, profile)),
)
for (const { preset, profile, lst } of years) {
  const { deposited, rewarded, paid, lost } = lst.totals
  if (deposited + rewarded !== heldAssets(lst) + paid + lost || owedAssets(lst) !== heldAssets(lst))
    throw new Error(`${preset} ${profile} lost count`)
}
console.log(
  `60,500 METIS, three seats of 20,000, ${metis(SEAT_REWARD)} METIS a seat and day; ${metis(SLASH)} slashed on day ${SLASH_DAY}, bond 100.\n`,
)
console.log(table(years))
console.log('\nRedemption rate, profile sdk (E enki, A accumulated/artemis, L lido, R recommended, * several):\n')
console.log(plot(years.filter(({ profile }) => profile === 'sdk')))
console.log('\nThe same with profile protocol:\n')
console.log(plot(years.filter(({ profile }) => profile === 'protocol')))

console.log(
  '\nENKI as it is, 60,000 METIS staked: what seMETIS earns when a part of all eMETIS stays outside the vault\n',
)
for (const idle of [0n, 25n, 50n, 75n])
  console.log(`  ${`${idle} %`.padStart(5)} outside  ${(twoTokens(idle) * 100).toFixed(2).padStart(6)} % a year`)
