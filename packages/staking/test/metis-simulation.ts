import { bytesToHex } from '@l2/common'
import type { Random } from '@l2/common/testing'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import type { Address, Hex } from 'viem'
import { addressOfPubkey } from '../src/internal/address.js'
import type { MetisCommand, MetisPoolState } from '../src/metis/index.js'

export const account = (n: number): Address => `0x${n.toString(16).padStart(40, '0')}`
export const owner: Address = account(0xffff01)
export const mpc: Address = account(0xffff02)
export const payer: Address = account(0xffff03)

/** Key n of the tests: public key of 64 bytes and address. */
export const keyOf = (n: number): { pubkey: Hex; signer: Address } => {
  let key = keys.get(n)
  if (key === undefined) {
    const secret = new Uint8Array(32)
    new DataView(secret.buffer).setUint32(28, n + 1)
    const pubkey = bytesToHex(secp256k1.getPublicKey(secret, false).subarray(1))
    key = { pubkey, signer: addressOfPubkey(pubkey)! }
    keys.set(n, key)
  }
  return key
}
const keys = new Map<number, { pubkey: Hex; signer: Address }>()
const metis = 10n ** 18n

/** A random call of the contracts, mostly one that may succeed. */
export function metisCommand(state: MetisPoolState, atSeconds: bigint, random: Random): MetisCommand {
  const user = account(1 + random.below(12))
  const id = 1 + random.below(Math.max(1, state.totalSequencers))
  const by = random.bool(0.9) ? (state.sequencers.get(id)?.owner ?? user) : user
  const amount = BigInt(random.below(30_000)) * metis + BigInt(random.uint32())
  const value = random.bool(0.2) ? 5n : 0n
  const key = keyOf(random.below(400))
  switch (random.below(16)) {
    case 0:
      return { type: 'setWhitelist', by: owner, atSeconds, user, yes: random.bool(0.85) }
    case 1:
      return { type: 'lockFor', by: user, atSeconds, ...key, amount: 20_000n * metis + amount }
    case 2:
      return {
        type: 'lockWithRewardRecipient',
        by: user,
        atSeconds,
        ...key,
        recipient: account(500),
        amount: 20_000n * metis + amount,
      }
    case 3:
      return { type: 'relock', by, atSeconds, id, amount: amount / 10n, lockReward: random.bool() }
    case 4:
      return { type: 'withdraw', by, atSeconds, id, amount }
    case 5:
      return { type: 'withdrawRewards', by, atSeconds, id, value }
    case 6:
      return { type: 'unlock', by, atSeconds, id, value }
    case 7:
      return random.bool(0.2)
        ? { type: 'forceUnlock', by: owner, atSeconds, id }
        : { type: 'unlockClaim', by, atSeconds, id, value }
    case 8:
    case 9:
      return { type: 'unlockClaim', by, atSeconds, id, value }
    case 10:
      return { type: 'updateSigner', by: state.sequencers.get(id)?.signer ?? by, atSeconds, id, pubkey: key.pubkey }
    case 11:
      return { type: 'setSequencerRewardRecipient', by, atSeconds, id, recipient: account(600 + random.below(5)) }
    case 12:
      return { type: 'setSequencerOwner', by, atSeconds, id, owner: user }
    case 13:
      return { type: 'setPause', by: owner, atSeconds, yes: !state.paused && random.bool(0.1) }
    case 14:
      return { type: 'updateBlockReward', by: owner, atSeconds, reward: BigInt(1 + random.uint32()) }
    default: {
      const seqs = [...state.sequencers.entries()]
        .filter(([, s]) => s.status !== 3)
        .map(([, s]) => s.signer)
        .slice(0, 4)
      const startEpoch = state.batch.endEpoch + 1n
      const batchId = state.batch.id + 1n
      return {
        type: 'batchSubmitRewards',
        by: mpc,
        atSeconds,
        batchId,
        startEpoch,
        endEpoch: startEpoch + 3n,
        seqs,
        blocks: seqs.map(() => 1000n),
      }
    }
  }
}
