import type { LocalAccount } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'

/** The mnemonic that every development chain funds. Never for anything of value. */
export const devMnemonic = 'test test test test test test test test test test test junk'

/** Accounts 0–4 are the demo's users on L2. */
export const trafficAccounts = 5

/** Account 5 posts to L1; 6, 7 and 8 are the three sequencers; 9 holds eMETIS. */
export const batcherAccount = (): LocalAccount => mnemonicToAccount(devMnemonic, { addressIndex: 5 })
export const sequencerAccounts = (): LocalAccount[] =>
  [6, 7, 8].map(addressIndex => mnemonicToAccount(devMnemonic, { addressIndex }))
export const holderAccount = (): LocalAccount => mnemonicToAccount(devMnemonic, { addressIndex: 9 })
