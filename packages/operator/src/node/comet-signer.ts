import { join } from 'node:path'
import { type CometSigningKey, cometGuardSigner, serveCometSigner } from '@l2/control-chain/cometbft'
import { openFileGuard } from '@l2/sequencer-core/node'
import { homeFiles } from '../home/home.js'
import type { Machine } from './machine.js'

/** Higher than any round of a height: closes all of them. */
const lastRound = 2 ** 31 - 1

/** Options of {@link openCometSigner}. */
export type OperatorCometSignerOptions = {
  /** Of the operator. */
  home: string
  chainId: bigint
  controlChainId: string
  /** Of the last control block that is folded: nothing at or below it is signed again, whatever the guard remembers. */
  height: bigint
  /** Where the operator has several: the guard is the one that they share, and the key answers the one that leads. */
  machine?: Pick<Machine, 'openGuard' | 'lease'> | undefined
}

/**
 * Signs for the operator's consensus engine, behind a guard in its home. The engine finds it at the address that comes back.
 *
 * @throws SequencerError `GUARD_LOCKED`, `GUARD_CORRUPT`
 */
export async function openCometSigner(
  options: OperatorCometSignerOptions,
  key: CometSigningKey,
  say: (message: string) => void,
): Promise<{ readonly address: string; close(): Promise<void> }> {
  const { home, chainId, controlChainId, height, machine } = options
  const path = join(home, homeFiles.cometGuard)
  const whose = { signer: cometGuardSigner(key.publicKey), chainId, seen: [] }
  const guard = machine === undefined ? await openFileGuard({ path, ...whose }) : await machine.openGuard(whose)
  if (height > 0n) await guard.skipTerm(height, lastRound)
  const address = `unix://${join(home, homeFiles.comet, 'signer.sock')}`
  const onFault = (reason: string): void => {
    // The engine of a machine that stands by asks in every round, and gets nothing.
    if (machine === undefined || machine.lease() !== undefined) say(`the engine's signer: ${reason}`)
  }
  const signer = serveCometSigner({ address, controlChainId }, { key, guard, onFault })
  return {
    address,
    async close() {
      await signer.close()
      await guard.close()
    },
  }
}
