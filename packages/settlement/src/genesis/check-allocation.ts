import { type Address, pad } from 'viem'
import { SettlementError } from '../errors.js'
import { type Allocation, type FeeRecipients, implementationSlot, type L2GasToken } from './allocation.js'
import { implementationOf, nativeTokenBridgePredeploy, predeploys } from './predeploys.js'
import { requiredPreinstalls } from './preinstalls.js'

/** Accounts whose keys everybody knows: of the phrase `test test test test test test test test test test test junk`. */
const developmentAccounts: ReadonlySet<string> = /* @__PURE__ */ new Set([
  '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266',
  '0x70997970c51812dc3a010c7d01b50e0d17dc79c8',
  '0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc',
  '0x90f79bf6eb2c4f870365e785982e1f101e93b906',
  '0x15d34aaf54267db7d7c367839aaf71a00a2c6a65',
  '0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc',
  '0x976ea74026e726554db657fa54763abd0c3a0aa9',
  '0x14dc79964da2c08b23698b3d3cc7ca32193d9955',
  '0x23618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f',
  '0xa0ee7a142d267c1f36714e4a8f75612f20a79720',
  '0xbcd4042de499d14e55001ccbb24a551f3b954096',
  '0x71be63f3384f5fb98995898a86b02fb2426c5788',
  '0xfabb0ac9d68b0b445fb7357272ff202c5651694a',
  '0x1cbd3b2770909d4e10f157cabc84c7264073c9ec',
  '0xdf3e18d64bc6a983f673ab319ccae4f1a57c7097',
  '0xcd3b766ccdd6ae721141f452c550ca635964ce71',
  '0x2546bcd3c84621e976d8185a91a922ae77ecec30',
  '0xbda5747bfd65f08deb54cb465eb87d40e51b197e',
  '0xdd2fd4581271e230360230f9337d5c0430bf44c0',
  '0x8626f6940e2eb28930efb4cef49b2d1f2c9c1199',
])

const vaults: Readonly<Record<keyof FeeRecipients, Address>> = {
  sequencer: predeploys.sequencerFeeVault,
  baseFee: predeploys.baseFeeVault,
  l1Fee: predeploys.l1FeeVault,
  operatorFee: predeploys.operatorFeeVault,
}

/** What a genesis is checked against. */
export type CheckAllocationOptions = {
  owner: Address
  recipients: FeeRecipients
  gasToken: L2GasToken
  /** Allows accounts whose keys are public to own and to have. */
  isDevnet: boolean
}

/**
 * Whether a chain may begin with these accounts: everything that tools and upgrades rely on has code, whoever gets fees can be paid and can get them out, and,
 * unless it is a devnet, no account whose key is public owns anything, is named in a contract's code or storage, or has a balance.
 *
 * @throws SettlementError `ALLOCATION_REFUSED`, with every problem in `metaMessages`
 */
export function checkAllocation(alloc: Allocation, options: CheckAllocationOptions): void {
  const problems: string[] = []
  const hasCode = (address: Address): boolean => (alloc[address]?.code ?? '0x') !== '0x'
  for (const [name, address] of Object.entries(predeploys)) {
    if (!hasCode(address)) problems.push(`${name} (${address}) has no code`)
    const behind = behindOf(alloc, address)
    if (address !== predeploys.weth && !hasCode(behind)) problems.push(`nothing is behind ${name} (${address})`)
  }
  for (const address of requiredPreinstalls) if (!hasCode(address)) problems.push(`${address} has no code`)
  for (const [fee, vault] of Object.entries(vaults) as [keyof FeeRecipients, Address][]) {
    const recipient = options.recipients[fee].toLowerCase() as Address
    const word = pad(recipient, { size: 32 }).slice(2)
    const { code = '0x' } = alloc[behindOf(alloc, vault)] ?? {}
    const isNamed =
      code.includes(word) || Object.values(alloc[vault]?.storage ?? {}).some(held => ends(held, recipient))
    if (!isNamed) problems.push(`the vault ${vault} pays somebody else than its recipient ${recipient}`)
    // A vault cannot call `withdraw`, and neither can a proxy: what is sent there stays there.
    if (recipient in alloc && hasCode(recipient)) problems.push(`${recipient} gets fees and has no way out for them`)
    if (BigInt(recipient) < 2048n) problems.push(`${recipient} gets fees, and nobody has its key`)
  }
  problems.push(...vaultProblems(alloc, options))
  if (!options.isDevnet) problems.push(...developmentProblems(alloc, options))
  if (problems.length === 0) return
  throw new SettlementError(`a chain may not begin with these accounts: ${problems.length} problem(s)`, {
    code: 'ALLOCATION_REFUSED',
    meta: problems.slice(0, 20),
    details: { problems },
  })
}

/** Native tokens that stand for others on L1 are all in the vault; what a development genesis gives away beside it can never leave. */
function vaultProblems(alloc: Allocation, { gasToken, isDevnet }: CheckAllocationOptions): string[] {
  const problems: string[] = []
  const isEther = gasToken.type === 'ether'
  const held = alloc[nativeTokenBridgePredeploy]?.balance ?? 0n
  if (!isEther && held !== gasToken.capacityWei) {
    problems.push(`the vault holds ${held} wei, not the supply of ${gasToken.capacityWei}`)
  }
  if (isDevnet) return problems
  for (const [at, { balance = 0n }] of Object.entries(alloc)) {
    const isVault = !isEther && at === nativeTokenBridgePredeploy
    if (balance > 0n && !isVault) problems.push(`${at} has native tokens that nothing on L1 stands behind`)
  }
  return problems
}

function developmentProblems(alloc: Allocation, { owner, recipients }: CheckAllocationOptions): string[] {
  const problems: string[] = []
  const say = (address: string, what: string): void => {
    problems.push(`${address} ${what}, and its key is public: for a devnet only`)
  }
  if (developmentAccounts.has(owner.toLowerCase())) say(owner, 'owns the predeploys')
  for (const recipient of Object.values(recipients)) {
    if (developmentAccounts.has(recipient.toLowerCase())) say(recipient, 'gets fees')
  }
  for (const [address, { balance = 0n, code = '0x', storage = {} }] of Object.entries(alloc)) {
    if (developmentAccounts.has(address) && balance > 0n) say(address, 'has a balance')
    for (const account of developmentAccounts) {
      if (code.includes(account.slice(2))) say(account, `is named in the code of ${address}`)
      if (Object.values(storage).some(held => ends(held, account)))
        say(account, `is named in the storage of ${address}`)
    }
  }
  return problems
}

/** The code behind a proxy: where the proxy says, else where the genesis of the stock contracts has it. */
function behindOf(alloc: Allocation, proxy: Address): Address {
  const held = alloc[proxy]?.storage?.[implementationSlot]
  return held === undefined ? implementationOf(proxy) : `0x${held.slice(26).toLowerCase()}`
}

/** Whether a word holds this address in its low bytes, whatever is packed above it. */
function ends(held: string, address: string): boolean {
  return held.toLowerCase().endsWith(address.slice(2))
}
