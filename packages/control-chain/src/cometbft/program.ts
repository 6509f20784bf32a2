import { accessSync, constants, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { refuse } from '../errors.js'

/** What this package was tried with: the votes of 0.38 carry extensions, and ABCI 2.0 hands them on. */
const release = 'v0.38.'

/**
 * Where the consensus engine is: at `path`, in `$L2_COMETBFT`, or in the cache that `node scripts/go.mjs cometbft` of this
 * repository fills.
 *
 * @throws ControlChainError `ENGINE_MISSING`, in one line that says how to get it
 */
export function findCometBft(path: string | undefined = process.env['L2_COMETBFT']): string {
  if (path !== undefined && path !== '') {
    if (!isProgram(path)) refuse('ENGINE_MISSING', `there is no CometBFT at ${path}`, { path })
    return path
  }
  const cache = join(process.env['L2_CACHE'] ?? join(homedir(), '.cache', 'l2'), 'go')
  let names: string[] = []
  try {
    names = readdirSync(cache)
  } catch {
    // No cache.
  }
  const built = names.filter(name => new RegExp(`^cometbft-${release}[\\w.-]+$`).test(name) && !name.endsWith('.lock'))
  const found = built
    .sort()
    .map(name => join(cache, name))
    .filter(isProgram)
    .at(-1)
  if (found !== undefined) return found
  return refuse(
    'ENGINE_MISSING',
    'CometBFT is not there: set L2_COMETBFT to a binary of 0.38, or build it with Go: node scripts/go.mjs cometbft',
  )
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
