import { type HeaderDomain, headerDomain, type SequencerHeader, sequencerHeaderTypes } from '@l2/sequencer-core/block'
import type { Address, LocalAccount } from 'viem'
import type { WatchedHeader } from '../pool/watcher.js'

/** Faults to order, for tests and demonstrations: a key that stops, and one that signs two headers for one place. */
export type Faults = {
  halt(signer: Address): void
  resume(signer: Address): void
  equivocate(signer: Address): void
  isHalted(signer: Address): boolean
  /** After a block was shown: the other header of a double signer, made past its guard as a thief of the key would. */
  afterBlock(signer: Address, header: SequencerHeader): Promise<void>
}

export function createFaults(
  domain: HeaderDomain,
  accounts: readonly LocalAccount[],
  onHeader: (signed: WatchedHeader) => void,
): Faults {
  const halted = new Set<string>()
  const equivocating = new Set<string>()
  return {
    halt: signer => void halted.add(signer.toLowerCase()),
    resume: signer => void halted.delete(signer.toLowerCase()),
    equivocate: signer => void equivocating.add(signer.toLowerCase()),
    isHalted: signer => halted.has(signer.toLowerCase()),
    async afterBlock(signer, header) {
      if (!equivocating.delete(signer.toLowerCase())) return
      const account = accounts.find(({ address }) => address.toLowerCase() === signer.toLowerCase())!
      const other = { ...header, stateRoot: header.parentHash }
      const signature = await account.signTypedData({
        domain: headerDomain(domain),
        types: sequencerHeaderTypes,
        primaryType: 'SequencerHeader',
        message: other,
      })
      onHeader({ header: other, signer, signature })
    },
  }
}
