import type { LocalAccount } from 'viem'
import { hdKeyToAccount, mnemonicToAccount } from 'viem/accounts'

/** The mnemonic that every development chain funds. Never for anything of value. */
export const devMnemonic = 'test test test test test test test test test test test junk'

/** Where all keys of the mnemonic begin. What leads to it is slow by design, so it is gone once. */
const root = mnemonicToAccount(devMnemonic, { path: 'm' as never }).getHdKey()

export const devAccount = (addressIndex: number): LocalAccount => hdKeyToAccount(root, { addressIndex })

/** Accounts 0–4 are the demo's users on L2. */
export const trafficAccounts = 5

/**
 * Account 5 posts to L1 and, on L2, brings evidence forward; 6 holds eMETIS; 7 proposes and disputes; 8 has the METIS that are on L1; 9 owns the contracts; from 10 on they
 * are the sequencers.
 */
export const batcherAccount = (): LocalAccount => devAccount(5)
export const holderAccount = (): LocalAccount => devAccount(6)
export const proposerAccount = (): LocalAccount => devAccount(7)
export const holderOfTokens = (): LocalAccount => devAccount(8)
export const ownerAccount = (): LocalAccount => devAccount(9)
export const sequencerAccounts = (count: number): LocalAccount[] =>
  Array.from({ length: count }, (_, index) => devAccount(10 + index))
/** The secret of {@link batcherAccount}: for a home that holds it as a file. */
export const posterKey = (): Uint8Array => root.derive("m/44'/60'/0'/0/5").privateKey!
