import { join } from 'node:path'
import { type CometSigningKey, cometGuardSigner, serveCometSigner } from '@l2/control-chain/cometbft'
import { openFileGuard } from '@l2/sequencer-core/node'
import { homeFiles } from '../home/home.js'

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
  const { home, chainId, controlChainId, height } = options
  const path = join(home, homeFiles.cometGuard)
  const guard = await openFileGuard({ path, signer: cometGuardSigner(key.publicKey), chainId, seen: [] })
  if (height > 0n) await guard.skipTerm(height, lastRound)
  const address = `unix://${join(home, homeFiles.comet, 'signer.sock')}`
  const onFault = (reason: string): void => say(`the engine's signer: ${reason}`)
  const signer = serveCometSigner({ address, controlChainId }, { key, guard, onFault })
  return {
    address,
    async close() {
      await signer.close()
      await guard.close()
    },
  }
}
