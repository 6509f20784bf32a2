// Which suites there are, and which of them need a process of their own.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What a suite names that starts programs or threads, or changes what it would share with the suites after it. */
const needsProcess =
  /child_process|worker|anvil|spawnPostgres|geth|chromium|engineFile|s3-server|running-node|client-programs|process\.env\[|vi\.(mock|stub|useFake)/i

export type Suite = { file: string; text: string; needsProcess: boolean }

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
      return { file, text, needsProcess: file.endsWith('.peers.test.ts') || needsProcess.test(text) }
    })
}
