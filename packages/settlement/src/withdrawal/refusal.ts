import { isL2Error } from '@l2/common'
import { decodeErrorResult, type Hex, parseAbi } from 'viem'

/** Why a portal refuses a withdrawal. */
export type WithdrawalRefusalType =
  /** Nobody, or somebody else than is said, has proven it. */
  | 'not-proven'
  /** A window is not over: that of the proof, or that after the game. `withdrawalWaitSeconds` tells how long still. */
  | 'too-early'
  /** The game that it was proven against was not won by its claim: it is not decided yet, or it lost. */
  | 'game-not-won'
  /** The game was lost: its claim is false. */
  | 'game-lost'
  /** The guardian has struck the game out. */
  | 'game-blacklisted'
  /** The game is of a type that does not count any more, or older than the last change of what counts. */
  | 'game-retired'
  /** It was proven in the very second in which the game was made. */
  | 'same-second'
  /** What was handed in does not show the withdrawal in the state that the game claims. */
  | 'wrong-proof'
  | 'already-finalised'
  /** Withdrawals are paused, by the guardian. */
  | 'paused'
  /** It would call the portal itself. */
  | 'bad-target'
  /** It has ether, on a chain whose native token is another. */
  | 'has-value'
  /** A withdrawal is being finalised in the same call. */
  | 'nested'
  /** With the gas that was estimated what it calls fails. It may be sent all the same: messengers keep what failed. */
  | 'call-fails'

/** What can be done about it. */
export type WithdrawalRemedy = 'prove' | 'wait' | 'prove-again' | 'prove-right' | 'nothing'

/** A portal's refusal, in words. */
export type WithdrawalRefusal = {
  readonly type: WithdrawalRefusalType
  readonly remedy: WithdrawalRemedy
  /** For people. */
  readonly words: string
  /** What the contract said: the reason that it reverted with, or its error's name. */
  readonly reason: string
}

/** Names of errors that the portals and the libraries of proofs revert with. */
const errors = /* @__PURE__ */ parseAbi([
  'error Error(string)',
  'error CallPaused()',
  'error NoValue()',
  'error GasEstimation()',
  'error EmptyItem()',
  'error InvalidDataRemainder()',
  'error InvalidHeader()',
  'error UnexpectedList()',
  'error UnexpectedString()',
  'error ContentLengthMismatch()',
])

const again = 'Prove it again, against a game that counts.'

/**
 * By what the contracts say. Source: `OptimismPortal2` 3.10.0, which the metered portal repeats, and the libraries `MerkleTrie` and `RLPReader` of the same package.
 */
const refusals: readonly (readonly [RegExp, WithdrawalRefusalType, WithdrawalRemedy, string])[] = [
  [/^OptimismPortal: withdrawal has not been proven/, 'not-proven', 'prove', 'Nobody has proven it with this account.'],
  [/^OptimismPortal: proven withdrawal has not matured yet$/, 'too-early', 'wait', 'The proof is too young.'],
  [/^OptimismPortal: output proposal in air-gap$/, 'too-early', 'wait', 'The game was decided too short a time ago.'],
  [
    /^OptimismPortal: output proposal has not been validated$/,
    ...(['game-not-won', 'wait'] as const),
    'The game that it was proven against is not decided, or was lost: wait for its end; if it was lost, prove again.',
  ],
  [
    /^OptimismPortal: cannot prove against invalid dispute games$/,
    ...(['game-lost', 'prove-again', `The game was lost: what it claims is false. ${again}`] as const),
  ],
  [
    /^OptimismPortal: dispute game has been blacklisted$/,
    ...(['game-blacklisted', 'prove-again', `The guardian has struck the game out. ${again}`] as const),
  ],
  [
    /^OptimismPortal: (invalid game type|dispute game created before respected game type was updated)$/,
    ...(['game-retired', 'prove-again', `The game does not count any more. ${again}`] as const),
  ],
  [
    /^OptimismPortal: withdrawal timestamp less than dispute game creation timestamp$/,
    ...([
      'same-second',
      'prove-again',
      'It was proven in the second of the game. Prove it again, a second later.',
    ] as const),
  ],
  [
    /^(OptimismPortal: invalid (output root|withdrawal inclusion) proof$|MerkleTrie: |RLPReader: )/,
    ...(['wrong-proof', 'prove-right', 'The proof is not of this withdrawal in what the game claims.'] as const),
  ],
  [
    /^(EmptyItem|InvalidDataRemainder|InvalidHeader|UnexpectedList|UnexpectedString|ContentLengthMismatch)$/,
    ...(['wrong-proof', 'prove-right', 'The proof is not a proof of a tree at all.'] as const),
  ],
  [
    /^OptimismPortal: withdrawal has already been finalized$/,
    ...([
      'already-finalised',
      'nothing',
      'It is finalised. What it called may have failed, and is replayed at the messenger.',
    ] as const),
  ],
  [/^CallPaused$/, 'paused', 'wait', 'The guardian has paused withdrawals.'],
  [
    /^OptimismPortal: you cannot send messages to the portal contract$/,
    ...(['bad-target', 'nothing', 'It calls the portal itself, which no withdrawal may.'] as const),
  ],
  [/^NoValue$/, 'has-value', 'nothing', 'It has ether, which this chain does not hold.'],
  [
    /^OptimismPortal: can only trigger one withdrawal per transaction$/,
    ...(['nested', 'wait', 'Another withdrawal is being finalised in the same call.'] as const),
  ],
  [/^GasEstimation$/, 'call-fails', 'nothing', 'What it calls fails; finalised all the same, it is spent.'],
]

/** What of an error and its causes may be a contract's own words. */
function* saidBy(error: unknown): Generator<string> {
  let at = error as Record<string, unknown> | null | undefined
  // Foreign code can make a circle of causes.
  for (let depth = 0; depth < 16 && typeof at === 'object' && at !== null; depth++) {
    const { data, raw, reason, details, message } = at
    for (const bytes of [data, raw]) {
      const said = decoded(bytes)
      if (said !== undefined) yield said
    }
    if (typeof reason === 'string') yield reason
    if (typeof data === 'object' && data !== null && 'errorName' in data) yield String(data.errorName)
    if (isL2Error(at, 'L1_REVERTED')) yield String(at.details['reason'])
    // Nodes say it in the message where they do not in the data.
    for (const text of [details, message]) {
      if (typeof text !== 'string') continue
      const line = /(?:OptimismPortal|MerkleTrie|RLPReader): [^\n"]{1,200}/.exec(text.slice(0, 4096))?.[0]
      if (line !== undefined) yield line.trim()
    }
    at = at['cause'] as typeof at
  }
}

function decoded(data: unknown): string | undefined {
  if (typeof data !== 'string' || data.length > 4096 || !/^0x([0-9a-fA-F]{2}){4,}$/.test(data)) return undefined
  try {
    const { errorName, args } = decodeErrorResult({ abi: errors, data: data as Hex })
    return errorName === 'Error' ? String(args[0]) : errorName
  } catch {
    return undefined
  }
}

/**
 * What a portal means when it refuses to prove or to finalise a withdrawal: of an error that viem, a node or this package has thrown.
 *
 * @returns `undefined` where the error is of something else
 * @example
 * ```ts
 * import { withdrawalRefusal } from '@l2/settlement'
 *
 * const error = new Error('execution reverted: OptimismPortal: proven withdrawal has not matured yet')
 * const refusal = withdrawalRefusal(error)
 * console.log(refusal?.type, refusal?.remedy) // too-early wait
 * ```
 */
export function withdrawalRefusal(error: unknown): WithdrawalRefusal | undefined {
  for (const reason of saidBy(error)) {
    for (const [pattern, type, remedy, words] of refusals) {
      if (pattern.test(reason)) return { type, remedy, words, reason: reason.slice(0, 200) }
    }
  }
  return undefined
}
