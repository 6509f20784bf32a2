import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What an operator's program can be made to say that is not so, as long as its home has a file that names it. */
export const lies = ['lists', 'stateRoot', 'withheld'] as const
export type Lie = (typeof lies)[number]

const fileOf = (home: string): string => join(home, 'lie')

/** What the operator of a home lies about now. */
export function lieOf(home: string): Lie | undefined {
  if (!existsSync(fileOf(home))) return undefined
  const said = readFileSync(fileOf(home), 'utf8').trim()
  return lies.find(lie => lie === said)
}

export const beginToLie = (home: string, lie: Lie): void => writeFileSync(fileOf(home), lie)
export const beHonest = (home: string): void => rmSync(fileOf(home), { force: true })
