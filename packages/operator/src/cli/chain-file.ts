import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { fromRollupJson } from '@l2/sequencer-core/derivation'
import type { Address } from 'viem'
import { refuse } from '../errors.js'
import type { OperatorGenesis } from '../home/genesis.js'

/** What a rollup is before it has operators: a genesis without them. */
export type ChainFile = Omit<OperatorGenesis, 'operators' | 'control'> & {
  readonly control: Omit<OperatorGenesis['control'], 'chainId' | 'genesisTimeSeconds'>
}

/** Larger than any genesis with its predeploys. */
const maxBytes = 64 * 2 ** 20

/** @throws OperatorError `CONFIG_INVALID` */
export function readJsonFile(path: string): unknown {
  try {
    const { size } = statSync(path)
    if (size > maxBytes) refuse('CONFIG_INVALID', `${path} has ${size} bytes, at most ${maxBytes}`)
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    if ((cause as { code?: string }).code === 'CONFIG_INVALID') throw cause
    return refuse('CONFIG_INVALID', `${path} cannot be read as JSON`, { cause })
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Reads a chain, or a whole genesis as one. @throws OperatorError `CONFIG_INVALID`; SequencerError `ROLLUP_CONFIG_INVALID` */
export function readChainFile(path: string): {
  chain: ChainFile
  domain: { chainId: bigint; rollup: Address }
} {
  const json = readJsonFile(path)
  if (!isObject(json)) refuse('CONFIG_INVALID', `${path} is no chain`)
  const { identity, l2Genesis, rollup, control, posting, admin } = json
  for (const [name, value] of Object.entries({ identity, l2Genesis, rollup, control })) {
    if (!isObject(value)) refuse('CONFIG_INVALID', `${path} is no chain: "${name}" is missing`)
  }
  if (typeof admin !== 'string') refuse('CONFIG_INVALID', `${path} is no chain: "admin" is missing`)
  const { chainId: _, genesisTimeSeconds: __, ...rest } = control as OperatorGenesis['control']
  const config = fromRollupJson(rollup as Record<string, unknown>)
  return {
    chain: {
      ...{ version: 1, identity, l2Genesis, rollup, control: rest },
      ...(posting === undefined ? {} : { posting }),
      admin,
    } as unknown as ChainFile,
    domain: { chainId: config.l2ChainId, rollup: config.batchInbox.toLowerCase() as Address },
  }
}

/** What several people compare by reading it aloud. */
export function fingerprint(text: string): string {
  return createHash('sha256')
    .update(text)
    .digest('hex')
    .slice(0, 32)
    .replace(/(.{4})(?=.)/g, '$1-')
}
