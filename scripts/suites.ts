// Which suites there are, which of them need a process of their own, and which begin first.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What a suite names that changes what it would share with the suites after it. */
const changesItsProcess = /process\.env\[[^\]]+\] = |process\.chdir|vi\.(mock|stub|useFake)/
/** What a suite names that starts whole nodes: it waits for blocks for a minute or more, of which it computes a few seconds. */
const startsNodes = /running-node|hang\.js/

export type Suite = { file: string; text: string; needsProcess: boolean; startsNodes: boolean }

/** Every test file of the repository, as a path from its root, sorted. */
export function suites(): Suite[] {
  const under = (folder: string): string[] =>
    readdirSync(`${root}${folder}`, { withFileTypes: true }).flatMap(entry => {
      if (entry.name === 'node_modules' || entry.name === 'dist') return []
      if (entry.isDirectory()) return under(`${folder}/${entry.name}`)
      return entry.name.endsWith('.test.ts') ? [`${folder}/${entry.name}`] : []
    })
  return ['packages', 'examples', 'scripts']
    .flatMap(under)
    .sort()
    .map(file => {
      const text = readFileSync(`${root}${file}`, 'utf8')
      return { file, text, needsProcess: changesItsProcess.test(text), startsNodes: startsNodes.test(text) }
    })
}

/** Suites that start nodes begin first, or the last of them would be waited for when everything else is through. */
export class NodesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const first = new Set(suites().flatMap(({ file, startsNodes }) => (startsNodes ? [`${root}${file}`] : [])))
    const rank = ({ moduleId }: TestSpecification): number => (first.has(moduleId) ? 0 : 1)
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}
