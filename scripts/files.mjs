// Files of the repository, as git knows them: a walk over folders would follow the links of node_modules from package to package, and not end.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * Paths from the root, sorted: what is committed and what is not ignored.
 *
 * @param {...string} patterns as git takes them, `packages/*.ts` with every folder below
 */
export function filesOf(...patterns) {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...patterns]
  const files = execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 }).split('\0')
  return [...new Set(files)].filter(name => name !== '' && existsSync(`${root}${name}`)).sort()
}
