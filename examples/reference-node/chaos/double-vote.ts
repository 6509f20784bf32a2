import { createPrivateKey, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cometCall } from '../../../packages/control-chain/src/cometbft/rpc.js'
import { voteSignBytes } from '../../../packages/control-chain/src/cometbft/signer/messages.js'
import type { OperatorProcess } from '../src/operators/network.js'

type KeyFile = { address: string; priv_key: { value: string } }
type Latest = { block: { header: { height: string; time: string; chain_id: string } } }
type Validators = { validators: readonly { address: string; voting_power: string }[] }

const prevote = 1
const callMs = 20_000
/** In front of the 32 bytes of an Ed25519 seed, for PKCS #8. */
const keyPrefix = Buffer.from('302e020100300506032b657004220420', 'hex')

/**
 * Signs two votes of one place of the control chain with an operator's own key, as a second engine of it would, and hands both to the engine of another: what two
 * engines with one key do by chance sooner or later, here at once.
 */
export async function signDoubleVote(liar: OperatorProcess, witness: OperatorProcess): Promise<void> {
  const call = <T>(method: string, params: Record<string, unknown>): Promise<T> =>
    cometCall<T>(join(witness.home, 'comet/rpc.sock'), method, params, AbortSignal.timeout(callMs))
  const file = JSON.parse(readFileSync(join(liar.home, 'comet/config/priv_validator_key.json'), 'utf8')) as KeyFile
  const seed = Buffer.from(file.priv_key.value, 'base64').subarray(0, 32)
  const key = createPrivateKey({ key: Buffer.concat([keyPrefix, seed]), format: 'der', type: 'pkcs8' })
  const { header } = (await call<Latest>('block', {})).block
  const { validators } = await call<Validators>('validators', { height: header.height, per_page: '100' })
  const index = validators.findIndex(({ address }) => address === file.address)
  const seconds = BigInt(Math.floor(Date.now() / 1000))
  const voteFor = (byte: number): object => {
    const hash = Buffer.alloc(32, byte)
    const vote = {
      ...{ type: prevote, height: BigInt(header.height), round: 0, timestamp: { seconds, nanos: 0 } },
      blockId: { hash, partSetHeader: { total: 1, hash } },
    }
    const hex = hash.toString('hex').toUpperCase()
    return {
      ...{ type: prevote, height: header.height, round: 0 },
      block_id: { hash: hex, parts: { total: 1, hash: hex } },
      timestamp: new Date(Number(seconds) * 1000).toISOString(),
      validator_address: file.address,
      validator_index: index,
      signature: sign(
        null,
        voteSignBytes(vote as unknown as Parameters<typeof voteSignBytes>[0], header.chain_id),
        key,
      ).toString('base64'),
    }
  }
  const value = {
    vote_a: voteFor(1),
    vote_b: voteFor(2),
    TotalVotingPower: String(validators.reduce((sum, { voting_power }) => sum + BigInt(voting_power), 0n)),
    ValidatorPower: validators[index]!.voting_power,
    Timestamp: header.time,
  }
  await call('broadcast_evidence', { evidence: { type: 'tendermint/DuplicateVoteEvidence', value } })
}
