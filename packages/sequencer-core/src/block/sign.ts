import type { Address, Hex, LocalAccount } from 'viem'
import { SequencerError } from '../errors.js'
import type { SigningGuard } from '../guard/guard.js'
import { defaultRecovery, type SenderRecovery } from '../transaction/recovery.js'
import { recoverSigner } from '../transaction/signer.js'
import {
  type HeaderDomain,
  hashSequencerHeader,
  headerDomain,
  type SequencerHeader,
  sequencerHeaderTypes,
} from './header.js'

/** Options of {@link createHeaderSigner}. */
export type HeaderSignerOptions = {
  /**
   * Any viem account: a private key, a mnemonic, a key service. One that can sign a hash gets the digest that was reserved; any other the typed data of
   * it.
   */
  account: Pick<LocalAccount, 'address' | 'sign' | 'signTypedData'>
  domain: HeaderDomain
  guard: SigningGuard
  recovery?: SenderRecovery | undefined
}

/** Signs headers, each place once. */
export interface HeaderSigner {
  readonly address: Address
  /**
   * Reserves the header's place, durably, and signs. The same header again gives a signature again.
   *
   * @param payload what it takes to finish the block after a crash, see {@link SigningGuard.pending}
   * @throws SequencerError `GUARD_DOUBLE_SIGN`, `GUARD_STALE`, `GUARD_FAILED`, `HEADER_INVALID`, `SIGNER_FAILED`
   */
  sign(header: SequencerHeader, payload?: Uint8Array): Promise<Hex>
}

/**
 * A signer that cannot sign twice at one place, however often it is restarted.
 *
 * @example
 * ```ts
 * import { createHeaderSigner, createMemoryGuard } from '@l2/sequencer-core/block'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * const zero = `0x${'00'.repeat(32)}` as const
 * const header = {
 *   epochId: 1n, term: 0, height: 10n, parentHash: zero, txRoot: zero, stateRoot: zero,
 *   timestamp: 1_700_000_000n, l1OriginNumber: 5n, l1OriginHash: zero, forcedUpTo: 0n,
 * }
 * const signer = createHeaderSigner({
 *   account: privateKeyToAccount(`0x${'01'.repeat(32)}`),
 *   domain: { chainId: 901n, rollup: `0x${'01'.repeat(20)}` },
 *   guard: createMemoryGuard(),
 * })
 * console.log((await signer.sign(header)).length) // 132
 * const other = { ...header, timestamp: header.timestamp + 1n }
 * console.log(await signer.sign(other).catch(error => error.code)) // GUARD_DOUBLE_SIGN
 * ```
 */
export function createHeaderSigner(options: HeaderSignerOptions): HeaderSigner {
  const { account, domain, guard, recovery = defaultRecovery } = options
  const address = account.address.toLowerCase() as Address
  const typedDomain = headerDomain(domain)
  return {
    address,
    async sign(header, payload) {
      const digest = hashSequencerHeader(header, domain)
      await guard.reserve({ epoch: header.epochId, term: header.term, height: header.height, digest, payload })
      let signature: Hex
      try {
        signature = await (account.sign?.({ hash: digest }) ??
          account.signTypedData({
            domain: typedDomain,
            types: sequencerHeaderTypes,
            primaryType: 'SequencerHeader',
            message: header,
          }))
      } catch (cause) {
        throw new SequencerError(`the key of ${address} did not sign`, {
          code: 'SIGNER_FAILED',
          recovery: 'retry',
          cause,
        })
      }
      // A key service that answers with another key, or with the malleable form, would get every block of ours refused.
      if (recoverSigner(digest, signature, recovery) !== address) {
        throw new SequencerError(`the signature of ${address} is not canonical or somebody else's`, {
          code: 'SIGNER_FAILED',
          details: { address },
        })
      }
      return signature
    },
  }
}
