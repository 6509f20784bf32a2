import { createRequire } from 'node:module'
import type { Secp256k1 } from '@l2/common/crypto'
import { nativeSecp256k1, nativeSecp256k1Entry, wasmKeccak256 } from '@l2/common/fast-crypto'
import { SequencerError } from '../errors.js'
import { recoveryBy, type SenderRecovery } from './recovery.js'

/**
 * Sender recovery by libsecp256k1 (the optional peer dependency `secp256k1`) with keccak-256 in WebAssembly: about twenty times as fast as
 * noble, with the same answers.
 *
 * @throws SequencerError `NATIVE_UNAVAILABLE` when `secp256k1` is not installed, was not built, or was built for another machine
 * (`details.state` is `absent` or `broken`, `details.reason` says why); `initFastCrypto` of `/crypto` falls back by itself
 *
 * @example
 * ```ts
 * import { decodeTransaction } from '@l2/sequencer-core/transaction'
 * import { createNativeRecovery } from '@l2/sequencer-core/node'
 * import { hexToBytes } from 'viem'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * const recovery = await createNativeRecovery()
 * const account = privateKeyToAccount(`0x${'01'.repeat(32)}`)
 * const raw = hexToBytes(await account.signTransaction({ chainId: 10, gas: 21_000n, gasPrice: 1n, to: account.address }))
 * console.log(decodeTransaction(raw, { recovery }).sender) // 0x1a642f0e3c3af545e7acbd38b07251b3990914f1
 * ```
 */
export async function createNativeRecovery(): Promise<SenderRecovery> {
  const secp256k1 = loadSecp256k1()
  const keccak256 = await wasmKeccak256().catch((cause: unknown) => {
    throw unavailable('broken', 'WebAssembly cannot be used here', cause)
  })
  return recoveryBy(secp256k1, keccak256)
}

/** Where the native modules lie, for workers that load them by path. */
export function nativeModulePaths(): { secp256k1: string; hashWasm: string } {
  const { resolve } = createRequire(import.meta.url)
  try {
    return { secp256k1: resolve(nativeSecp256k1Entry), hashWasm: resolve('hash-wasm') }
  } catch (cause) {
    throw unavailable('absent', 'it cannot be found', cause)
  }
}

function loadSecp256k1(): Secp256k1 {
  const part = nativeSecp256k1(import.meta.url)
  if (part.state === 'ready') return part.module
  throw unavailable(part.state, part.reason, part.cause)
}

function unavailable(state: 'absent' | 'broken', reason: string, cause: unknown): SequencerError {
  return new SequencerError(
    state === 'absent' ? 'secp256k1 is not installed' : `secp256k1 is installed and does not load: ${reason}`,
    {
      code: 'NATIVE_UNAVAILABLE',
      meta: ['try: install "secp256k1" beside @l2/sequencer-core and let it be built, or use initFastCrypto'],
      details: { state, reason },
      cause,
    },
  )
}
