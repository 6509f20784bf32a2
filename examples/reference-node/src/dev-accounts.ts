import type { LocalAccount } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'

/** The mnemonic that every development chain funds. Never for anything of value. */
export const devMnemonic = 'test test test test test test test test test test test junk'

/** Accounts 0–4 are the demo's users on L2. */
export const trafficAccounts = 5

/** Account 5 posts to L1 and, on L2, brings evidence forward; 6 holds eMETIS; from 10 on they are the sequencers. */
export const batcherAccount = (): LocalAccount => mnemonicToAccount(devMnemonic, { addressIndex: 5 })
export const holderAccount = (): LocalAccount => mnemonicToAccount(devMnemonic, { addressIndex: 6 })
export const sequencerAccounts = (count: number): LocalAccount[] =>
  Array.from({ length: count }, (_, index) => mnemonicToAccount(devMnemonic, { addressIndex: 10 + index }))
