import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { SoakTarget } from '@l2/common/testing'
import { addLives, kinds, type Lives, noLives } from '../test/model/lives.js'

/** Seeds of a kind from which a run may begin. */
const firstSeeds = 4_000_000
const tickSeconds = 0.25

/** Lives in as many processes as there are processors: each takes every so many-th seed. */
async function liveTogether(from: number, count: number): Promise<Lives> {
  const workers = Math.min(count, availableParallelism())
  const all = noLives()
  const one = async (index: number): Promise<void> => {
    const program = fileURLToPath(new URL('./worker.ts', import.meta.url))
    const child = fork(program, [from + index, from + count, workers].map(String))
    let lives: Lives | undefined
    child.once('message', message => {
      lives = message as Lives
    })
    const code = await new Promise(done => child.once('close', done))
    if (lives === undefined) throw new Error(`a process of the model ended with ${code}`)
    addLives(all, lives)
  }
  await Promise.all(Array.from({ length: workers }, (_, index) => one(index)))
  return all
}

/** Random lives of the protocol of terms and milestones (docs/protocol.md): every invariant, safety and liveness. */
export const target: SoakTarget = {
  cases: kinds.map(({ what, from }) => ({
    name: what,
    async run(random, operations) {
      const first = from + 1 + random.below(firstSeeds)
      const { lives, milestones, views, jailed, rollbacks, gap, violations } = await liveTogether(first, operations)
      if (violations.length > 0) throw new Error(violations.map(found => JSON.stringify(found)).join('\n'))
      return `${lives} lives from ${first}: ${milestones} milestones, ${views} terms ended, ${jailed} convicted, ${rollbacks} rollbacks; longest gap in calm ${gap * tickSeconds} s`
    },
  })),
}
