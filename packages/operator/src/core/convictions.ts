import { readSchema } from '@l2/common/schema'
import type { ControlEvent, ControlState, FoldedBlock } from '@l2/control-chain'
import { hashSequencerHeader, recoverSigner } from '@l2/sequencer-core/block'
import { defaultEvidencePolicy, type EvidenceContext, encodeBundle, evidenceContextOf } from '@l2/staking/evidence'
import * as z from 'zod/mini'

/** An operator that the control chain has barred. */
export type Conviction = {
  readonly operator: number
  readonly reason: Extract<ControlEvent, { type: 'jailed' }>['reason']
  /** Of the control block that convicted it, as a decimal string. */
  readonly controlHeight: string
  /** Two signed headers and all that it takes to judge them, offline; `null` where the proof is the control chain's own. */
  readonly bundle: string | null
}

/** Where convictions lie between two runs. */
export type ConvictionFile = { load(): string | undefined; save(text: string): void }

/** Who was convicted, and of what. Every operator is at most once, so their number bounds what is kept. */
export type Convictions = {
  readonly all: readonly Conviction[]
  note(ordered: Pick<FoldedBlock, 'block' | 'events'> & { state: Pick<ControlState, 'stake'> }): void
}

const schema = /* @__PURE__ */ (() =>
  z.array(
    z.strictObject({
      operator: z.int(),
      reason: z.enum(['equivocation', 'doubleVote', 'invalid', 'falseStatement', 'falsePosting']),
      controlHeight: z.string().check(z.regex(/^\d+$/)),
      bundle: z.nullable(z.string()),
    }),
  ))()

/**
 * Keeps what the control chain convicts of. Its state remembers who and when; the proof passes by in one block.
 *
 * @param domain that headers are signed for
 */
export function createConvictions(file: ConvictionFile, domain: EvidenceContext['domain']): Convictions {
  let all = read(file.load())
  return {
    get all() {
      return all
    },
    note({ block, events, state: { stake } }) {
      const found = events.flatMap((event): Conviction[] => {
        if (event.type !== 'jailed' || all.some(({ operator }) => operator === event.operator)) return []
        const { operator, reason } = event
        return [{ operator, reason, controlHeight: String(block.height), bundle: bundleOf(event, block, stake) }]
      })
      if (found.length === 0) return
      all = [...all, ...found]
      file.save(JSON.stringify(all))
    },
  }

  function bundleOf(
    { operator, reason }: Extract<ControlEvent, { type: 'jailed' }>,
    { transactions }: FoldedBlock['block'],
    stake: ControlState['stake'],
  ): string | null {
    if (reason !== 'equivocation' || stake === undefined) return null
    for (const transaction of transactions) {
      if (transaction.type !== 'equivocation' || transaction.accused !== operator) continue
      if (transaction.headers === undefined) continue
      const { pool, epochs } = stake
      // That the pool knows of it by now is no reason to let it go.
      const facts = { ...evidenceContextOf(pool), seen: [] }
      const context: EvidenceContext = { ...facts, domain, epochs, policy: defaultEvidencePolicy }
      const signedFor = { chainId: domain.chainId, rollup: domain.verifyingContract }
      // Whoever ordered them has found the operator by these keys.
      const [a, b] = transaction.headers.map(({ header, signature }) => {
        const signer = recoverSigner(hashSequencerHeader(header, signedFor), signature)!
        return { message: header, signer, signature }
      })
      return encodeBundle({ type: 'EQUIVOCATION_BLOCK', accused: operator, a: a!, b: b! }, context)
    }
    return null
  }
}

/** What was cut or changed by hand is begun anew: who is convicted the control chain knows as well. */
function read(text: string | undefined): readonly Conviction[] {
  if (text === undefined) return []
  try {
    const found = readSchema(schema, JSON.parse(text))
    return found.ok ? (found.value as readonly Conviction[]) : []
  } catch {
    return []
  }
}
