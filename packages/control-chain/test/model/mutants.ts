import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { OperatorFault, Rules } from './schedule.js'

type Patch = readonly [file: string, from: string, to: string]
export type Mutant = {
  readonly name: string
  /** What is taken away, in the package's own sources. */
  readonly patches?: readonly Patch[]
  /** What is taken away around them. */
  readonly faults?: readonly OperatorFault[]
  /** An invariant that breaks, and where the search for it begins. */
  readonly breaks: string
  readonly from: number
}

const noTag: readonly Patch[] = [
  ['fold/apply.ts', 'list.view !== state.view || (', '('],
  ['fold/term.ts', '      lists: OrderedMap.from(),\n', ''],
]
const noBase: readonly Patch[] = [
  ['fold/climb.ts', 'list !== undefined && passesThrough(list, state.milestone) ?', 'list !== undefined ?'],
  ['fold/climb.ts', 'lists = lists.filter(({ list }) => passesThrough(list, block))', ''],
]
const staleVotes: readonly Patch[] = [
  ['fold/votes.ts', ' && vote.height > state.height - BigInt(state.parameters.voteLifetimeBlocks)', ''],
  ['fold/apply.ts', '    votes: OrderedMap.from(),\n', ''],
]

/** One rule less each: what the model finds then says what the rule is for. */
export const mutants: readonly Mutant[] = [
  {
    name: 'lists of an ended term count, whatever they pass through',
    patches: [...noTag, ...noBase],
    breaks: 'I1',
    from: 205,
  },
  {
    name: 'only the lists of one control block count',
    patches: [['fold/apply.ts', 'height: block.height }', 'height: block.height, lists: OrderedMap.from() }']],
    breaks: 'I5',
    from: 63,
  },
  {
    name: 'a term begins where anybody says',
    patches: [['fold/term.ts', 'climb(state, members, 1)', 'climb(state, members, 0)']],
    breaks: 'I2',
    from: 6,
  },
  { name: 'no guard before a signature', faults: ['noGuard'], breaks: 'I3', from: 7 },
  { name: 'terms count anew in each epoch', faults: ['termReset'], breaks: 'I3', from: 6 },
  { name: 'after a reorg of L1 the leader signs again in its term', faults: ['reorgSameTerm'], breaks: 'I3', from: 7 },
  { name: 'no rollback when L1 drops what is settled', faults: ['noRollback'], breaks: 'I5', from: 19 },
  {
    name: 'origins and named blocks need no depth',
    patches: [['operator/name-blocks.ts', ' || block.originDepth < options.nameDepth', '']],
    faults: ['noDepth'],
    breaks: 'I1',
    from: 1,
  },
  {
    name: 'blocks are named before they are on disk',
    patches: [['operator/name-blocks.ts', 'block === undefined || !block.stored', 'block === undefined']],
    faults: ['lateDisk'],
    breaks: 'I4',
    from: 1,
  },
  {
    name: 'an operator votes once in a term',
    patches: [
      [
        'fold/votes.ts',
        'if (vote.view !== state.view)',
        'if (vote.view !== state.view || state.votes.has(vote.operator))',
      ],
    ],
    breaks: 'I5',
    from: 43,
  },
  {
    name: 'votes of different causes do not add up',
    patches: [
      [
        'fold/votes.ts',
        "power(({ cause }) => cause.type !== 'rollback') <= 2n",
        "power(({ cause }) => cause.type === 'silent') <= 2n",
      ],
    ],
    breaks: 'I5',
    from: 4,
  },
  { name: 'whom the proposers leave out has no other way', faults: ['noListTransaction'], breaks: 'I5', from: 370 },
  {
    name: 'more than one third ends a term',
    patches: [['fold/votes.ts', "!== 'rollback') <= 2n * total", "!== 'rollback') <= total"]],
    breaks: 'I9',
    from: 1,
  },
  {
    name: 'neither stalled milestones nor convictions end a term',
    patches: [
      [
        'operator/patience.ts',
        'return Number(height - movedAtHeight) > limit',
        'return Number(height - movedAtHeight) > limit + 1e9',
      ],
      ['fold/apply.ts', "(convicted ? 'conviction' : undefined)", 'undefined'],
    ],
    breaks: 'I5',
    from: 5_000_063,
  },
  {
    name: 'votes never expire and are never taken back',
    patches: [...staleVotes, ['operator/patience.ts', "{ type: 'withdraw' } : undefined", 'undefined : undefined']],
    breaks: 'I10',
    from: 7,
  },
  {
    name: 'who is convicted keeps its power',
    patches: [['fold/members.ts', '.filter(({ id }) => !state.jailed.has(id))', '']],
    breaks: 'I12',
    from: 10_000_001,
  },
  {
    name: 'members change all at once',
    patches: [['fold/members.ts', 'totalPower(now) / 3n', 'totalPower(now) * 9n']],
    breaks: 'I12',
    from: 10_000_001,
  },
  {
    name: 'anybody marks L1',
    patches: [['fold/apply.ts', '3n * power > 2n * total && (best', '(best']],
    breaks: 'I13',
    from: 10_000_001,
  },
  {
    name: 'the pool believes whoever tells it something',
    patches: [['fold/apply.ts', 'return poolRootOf(stake.root, commands) === l1.poolRoot', 'return true']],
    breaks: 'I13',
    from: 10_000_001,
  },
  {
    name: 'an epoch waits for randomness that does not come',
    patches: [['stake/epochs.ts', 'return milestone.height + BigInt(parameters.ahead) >= end', 'return end < 0n']],
    faults: ['noMarks'],
    breaks: 'I14',
    from: 10_000_001,
  },
  {
    name: 'a home that was lost signs in the term in force',
    faults: ['noSkipTerm'],
    breaks: 'I3',
    from: 10_000_030,
  },
  {
    name: 'a snapshot leaves out a list',
    patches: [['fold/snapshot.ts', 'lists: [...state.lists].map(', 'lists: [...state.lists].slice(1).map(']],
    breaks: 'I11',
    from: 10_000_001,
  },
  {
    name: 'blocks of the convicted are credited to who would lead now',
    patches: [['fold/record.ts', ' || isOfConvicted(state, plan, height)', '']],
    breaks: 'I15',
    from: 10_000_001,
  },
]

/** The rules with some lines of their sources replaced. Fails where a line is not there any more. */
export async function mutate(patches: readonly Patch[]): Promise<Rules> {
  const root = fileURLToPath(new URL('../../src/', import.meta.url))
  const missing: string[] = []
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./rules.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    conditions: ['@l2/source'],
    plugins: [
      {
        name: 'mutate',
        setup({ onLoad }) {
          onLoad({ filter: /control-chain\/src\/.*\.ts$/ }, async ({ path }) => {
            let contents = await readFile(path, 'utf8')
            for (const [file, from, to] of patches) {
              if (path !== `${root}${file}`) continue
              if (!contents.includes(from)) missing.push(`${file}: ${from}`)
              contents = contents.replace(from, to)
            }
            return { contents, loader: 'ts' }
          })
        },
      },
    ],
  })
  if (missing.length > 0) throw new Error(`lines that a mutant replaces are gone: ${missing.join('; ')}`)
  return (await import(
    `data:text/javascript;base64,${Buffer.from(outputFiles[0]!.contents).toString('base64')}`
  )) as Rules
}
