import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeEquivocation } from '@l2/control-chain'
import { hashSequencerHeader, type SequencerHeader } from '@l2/sequencer-core/block'
import type { Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { cometCall } from '../../../packages/control-chain/src/cometbft/rpc.js'
import type { OperatorProcess } from '../src/operators/network.js'

const word = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`

/**
 * Signs two headers of one place with an operator's own key, as a second machine of it would, and hands both to the
 * consensus engine of another.
 */
export async function signTwice(liar: OperatorProcess, witness: OperatorProcess, term: number): Promise<void> {
  const account = privateKeyToAccount(readFileSync(join(liar.home, 'keys/header.key'), 'utf8').trim() as Hex)
  const { rollup } = JSON.parse(readFileSync(join(liar.home, 'genesis.json'), 'utf8')) as {
    rollup: { l2_chain_id: number; batch_inbox_address: Hex }
  }
  const domain = { chainId: BigInt(rollup.l2_chain_id), rollup: rollup.batch_inbox_address }
  const header: SequencerHeader = {
    ...{ epochId: 1n, term, height: 1n, parentHash: word(1), txRoot: word(2), stateRoot: word(3) },
    ...{ timestamp: 1n, l1OriginNumber: 1n, l1OriginHash: word(4), forcedUpTo: 0n },
  }
  const sign = async (stateRoot: Hex) => {
    const signed = { ...header, stateRoot }
    return { header: signed, signature: await account.sign({ hash: hashSequencerHeader(signed, domain) }) }
  }
  const evidence = encodeEquivocation(await sign(word(3)), await sign(word(5)))
  const params = { tx: Buffer.from(evidence).toString('base64') }
  await cometCall(join(witness.home, 'comet/rpc.sock'), 'broadcast_tx_sync', params, AbortSignal.timeout(20_000))
}
