import { initFastCrypto } from '@l2/sequencer-core/crypto'
import { defaultRecovery, type SenderRecovery } from '@l2/sequencer-core/transaction'

/** Switches the program to the fastest hashes and curve that are installed, and says which those are. */
export async function fastRecovery(say: (message: string) => void): Promise<SenderRecovery> {
  const { keccak256, sha256, secp256k1, reasons } = await initFastCrypto()
  say(`keccak-256 by ${keccak256}, SHA-256 by ${sha256}, signatures by ${secp256k1}`)
  for (const reason of reasons) say(`slower than it could be: ${reason}`)
  return defaultRecovery
}
