import { committeeAbi } from '@l2/contracts/committee'
import { rpcCall } from '@l2/node'
import { type Address, decodeEventLog, encodeEventTopics, type Hash, type Hex } from 'viem'

/** A statement that L1 has accepted. */
export type AcceptedStatement = {
  readonly sequence: bigint
  readonly first: bigint
  readonly last: bigint
  readonly outputRoot: Hash
  readonly l1Block: { readonly number: bigint; readonly hash: Hash }
}

/** What the committee's event on L1 says, held against what was derived here. */
export type AttestedOnL1 = {
  /** One look at L1, up to where it is derived. */
  step(): Promise<void>
  /** The newest statement whose blocks were derived here and end in the same output; `undefined` before the first. */
  readonly head: { readonly number: bigint; readonly hash: Hash; readonly statement: AcceptedStatement } | undefined
  /** A statement that L1 has accepted and that is not what was derived here: the committee, or this node, is wrong. */
  readonly contradicted: AcceptedStatement | undefined
}

export type AttestedOnL1Parts = {
  l1Url: string
  committee: Address
  /** First L1 block of the rollup. */
  genesisL1: bigint
  /** How far L1 is derived, and the L2 block that this led to. */
  derived(): { readonly l1Number: bigint; readonly safe: bigint; readonly finalizedL1: bigint | undefined }
  /** Of the blocks that were derived; `undefined` where there is none, or its state is gone. */
  outputAt(height: bigint): Promise<{ readonly hash: Hash; readonly root: Hash } | undefined>
  say(message: string): void
}

const timeoutMs = 5000
/** L1 blocks of one question: what providers answer. */
const rangeBlocks = 1000n
/** Statements whose blocks are not derived yet are few: each is derived before the next is posted. */
const keptStatements = 256

type Log = { topics: [Hex, ...Hex[]]; data: Hex; blockNumber: Hex; blockHash: Hash }

export function createAttestedOnL1(parts: AttestedOnL1Parts): AttestedOnL1 {
  const { l1Url, committee, genesisL1, say } = parts
  const ask = <T>(method: string, params: readonly unknown[]): Promise<T> =>
    rpcCall<T>(l1Url, method, params, AbortSignal.timeout(timeoutMs))
  const hex = (number: bigint): Hex => `0x${number.toString(16)}`
  const [topic] = encodeEventTopics({ abi: committeeAbi, eventName: 'Attested' })
  let scanned: { number: bigint; hash: Hash } | undefined
  let statements: AcceptedStatement[] = []
  let head: AttestedOnL1['head']
  let contradicted: AcceptedStatement | undefined

  const read = ({ topics, data, blockNumber, blockHash }: Log): AcceptedStatement => {
    const { args } = decodeEventLog({ abi: committeeAbi, eventName: 'Attested', topics, data })
    const { sequence, first, last, outputRoot } = args
    return { sequence, first, last, outputRoot, l1Block: { number: BigInt(blockNumber), hash: blockHash } }
  }
  const hashAt = async (number: bigint): Promise<Hash | undefined> =>
    (await ask<{ hash: Hash } | null>('eth_getBlockByNumber', [hex(number), false]))?.hash
  /** L1 may have another chain than the one that was read: what is not final is read again. */
  const checkCanonical = async (finalizedL1: bigint): Promise<void> => {
    if (scanned === undefined || (await hashAt(scanned.number)) === scanned.hash) return
    const hash = await hashAt(finalizedL1)
    scanned = hash === undefined ? undefined : { number: finalizedL1, hash }
    const isKept = ({ l1Block }: AcceptedStatement): boolean =>
      scanned !== undefined && l1Block.number <= scanned.number
    statements = statements.filter(isKept)
    if (head !== undefined && !isKept(head.statement)) head = undefined
    if (contradicted !== undefined && !isKept(contradicted)) contradicted = undefined
  }
  const scan = async (to: bigint): Promise<void> => {
    const from = scanned === undefined ? genesisL1 : scanned.number + 1n
    if (from > to) return
    const last = to < from + rangeBlocks - 1n ? to : from + rangeBlocks - 1n
    const hash = await hashAt(last)
    if (hash === undefined) return
    const filter = { address: committee, topics: [topic], fromBlock: hex(from), toBlock: hex(last) }
    const logs = await ask<readonly Log[]>('eth_getLogs', [filter])
    statements = [...statements, ...logs.map(read)].slice(-keptStatements)
    scanned = { number: last, hash }
  }
  const compare = async (safe: bigint): Promise<void> => {
    const rest: AcceptedStatement[] = []
    for (const statement of statements) {
      if (statement.last > safe) {
        rest.push(statement)
        continue
      }
      const output = await parts.outputAt(statement.last)
      if (output === undefined) continue
      if (output.root === statement.outputRoot) head = { number: statement.last, hash: output.hash, statement }
      else {
        contradicted = statement
        say(
          `L1 has accepted statement ${statement.sequence} of the committee, and block ${statement.last} was derived with another output: one of the two is wrong`,
        )
      }
    }
    statements = rest
  }
  return {
    get head() {
      return head
    },
    get contradicted() {
      return contradicted
    },
    async step() {
      const { l1Number, safe, finalizedL1 = genesisL1 } = parts.derived()
      await checkCanonical(finalizedL1 > genesisL1 ? finalizedL1 : genesisL1)
      await scan(l1Number)
      await compare(safe)
    },
  }
}
