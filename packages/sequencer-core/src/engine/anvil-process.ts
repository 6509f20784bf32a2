import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type Child, startChild } from '../internal/child.js'
import { type AnvilArguments, anvilArguments } from './anvil-arguments.js'

/** Options of {@link spawnAnvil}. */
export type SpawnAnvilOptions = Omit<AnvilArguments, 'port'> & {
  /** Path of the executable, see {@link anvilBinary}. */
  binary: string
  /** Defaults to 0: anvil chooses. */
  port?: number | undefined
  /** Milliseconds until it must listen. Defaults to 60 000. */
  startTimeoutMs?: number | undefined
}

/** A running anvil. */
export interface AnvilProcess extends Child {
  readonly url: string
}

/**
 * The executable inside an installed `@foundry-rs/anvil`, without its wrapper script, which would outlive a killed parent.
 *
 * @param from a file or `import.meta.url` from which the package can be resolved
 * @returns `undefined` when it is not installed or has no binary for this platform
 */
export function anvilBinary(from: string | URL): string | undefined {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  try {
    const wrapper = createRequire(from).resolve('@foundry-rs/anvil/package.json')
    const manifest = createRequire(wrapper).resolve(`@foundry-rs/anvil-${process.platform}-${arch}/package.json`)
    const binary = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'anvil.exe' : 'anvil')
    return existsSync(binary) ? binary : undefined
  } catch {
    return undefined
  }
}

/**
 * Starts anvil as {@link createAnvilEngine} needs it, with the gas limit of its genesis file, and waits until it listens. It dies with this process.
 *
 * @throws SequencerError `ENGINE_UNAVAILABLE` when it ends or does not listen in time
 */
export async function spawnAnvil(options: SpawnAnvilOptions): Promise<AnvilProcess> {
  const { binary, port, startTimeoutMs, ...rest } = options
  const gasLimit = rest.gasLimit ?? (rest.genesisPath === undefined ? undefined : gasLimitOf(rest.genesisPath))
  const { child, found } = await startChild(
    'anvil',
    binary,
    anvilArguments({ ...rest, gasLimit, port: port ?? 0 }),
    output => /Listening on (\S+)/.exec(output)?.[1],
    startTimeoutMs ?? 60_000,
  )
  return { ...child, url: `http://${found}` }
}

/** Anvil reads everything of a genesis file but this. */
function gasLimitOf(genesisPath: string): bigint | undefined {
  const { gasLimit } = JSON.parse(readFileSync(genesisPath, 'utf8')) as { gasLimit?: string | number }
  return gasLimit === undefined ? undefined : BigInt(gasLimit)
}
