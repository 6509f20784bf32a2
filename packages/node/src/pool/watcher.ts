import type { SequencerHeader } from '@l2/sequencer-core/block'
import { type Evidence, encodeBundle } from '@l2/staking'
import type { Address, Hex, LocalAccount } from 'viem'
import { stringToHex } from 'viem'
import { type ControlPlane, evidenceContext, evidenceInbox } from './control-plane.js'

/** A header as it is gossiped: anybody may watch. */
export type WatchedHeader = { header: SequencerHeader; signer: Address; signature: Hex }

/**
 * Watches signed headers for two that contradict each other, and brings them forward: a bundle that anybody can verify offline, in an ordinary
 * transaction to the evidence inbox. Anybody may run one; the node's runs with an account of its own.
 */
export type Watcher = {
  see(signed: WatchedHeader): Promise<void>
}

export type WatcherOptions = {
  account: LocalAccount
  chainId: number
  control(): ControlPlane
  nonce(): Promise<number>
  submit(raw: Hex): Promise<unknown>
  onEvidence(bundle: string): void
}

/** Places that are remembered: more than an evidence window holds on a chain of one-second blocks. */
const keptPlaces = 4096

export function createWatcher(options: WatcherOptions): Watcher {
  const seen = new Map<string, WatchedHeader>()
  return {
    async see(signed) {
      const { epochId, term, height } = signed.header
      const place = `${epochId}/${term}/${height}`
      const known = seen.get(place)
      seen.set(place, known ?? signed)
      if (seen.size > keptPlaces) seen.delete(seen.keys().next().value!)
      if (known === undefined || known.signature === signed.signature) return
      const control = options.control()
      const accused = [...control.pool.sequencers].find(([, seat]) =>
        seat.keys.some(key => key.signer === signed.signer.toLowerCase()),
      )?.[0]
      if (accused === undefined) return
      const side = ({ header, signer, signature }: WatchedHeader) => ({ message: header, signer, signature })
      const evidence: Evidence = { type: 'EQUIVOCATION_BLOCK', accused, a: side(known), b: side(signed) }
      const bundle = encodeBundle(evidence, evidenceContext(control))
      options.onEvidence(bundle)
      const data = stringToHex(bundle)
      const raw = await options.account.signTransaction({
        type: 'eip1559',
        chainId: options.chainId,
        nonce: await options.nonce(),
        to: evidenceInbox,
        data,
        // EIP-7623: 40 gas for a byte of calldata at the most.
        gas: 21_000n + 40n * BigInt(data.length / 2),
        maxFeePerGas: 10_000_000_000n,
        maxPriorityFeePerGas: 2_000_000_000n,
      })
      await options.submit(raw)
    },
  }
}
