import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { isAbsolute, join } from 'node:path'
import type { GuardOptions, SequencerStorage, StoredGuard, Supervision } from '@l2/node'
import { createLeaseHolder, type Lease } from '@l2/sequencer-core/block'
import { openPostgres, openPostgresGuard, openPostgresLog } from '@l2/sequencer-core/postgres'
import type { Address } from 'viem'
import { refuse } from '../errors.js'
import type { OperatorHome, OperatorKeys } from '../home/home.js'

/** Of the lease: who is silent for so long is replaced. */
const ttlMs = 1_500
/** Before it ends, its holder stops by itself. */
const marginMs = 500
const logName = 'blocks'

/** One of the machines of an operator, before the database that they share. */
export type Machine = {
  /** Of the machine and of this run of it. */
  readonly name: string
  /** Log and guards; nothing is appended and nothing signed without the lease. */
  readonly storage: SequencerStorage
  /** A guard of all machines; one key has one for each purpose. Signs nothing without the lease. */
  openGuard(options: GuardOptions & { purpose?: string | undefined }): Promise<StoredGuard>
  /** While this machine leads. */
  lease(): Lease | undefined
  close(): Promise<void>
}

/**
 * Opens the log and the guards that the machines of an operator share, and goes for the lease on them: whoever has it leads,
 * the others stand by. The lease only says who works; that nothing is signed or logged twice is kept by the fence in the
 * database, whatever a machine takes itself for.
 *
 * @returns `undefined` where the home names no database
 * @throws OperatorError `HOME_INVALID` for an engine that has its key itself; SequencerError `DATABASE_OPTIONS`, `DATABASE_UNSAFE`, `DATABASE_UNAVAILABLE` (retry)
 */
export async function openMachine(
  { path, config }: Pick<OperatorHome, 'path' | 'config'>,
  keys: Pick<OperatorKeys, 'comet'>,
  supervision: Pick<Supervision, 'fail'>,
): Promise<Machine | undefined> {
  if (config.database === undefined) return undefined
  if (keys.comet === undefined) {
    const remedy = 'keys.json, and no file of CometBFT'
    refuse('HOME_INVALID', `an operator of several machines keeps the key of its engine itself: ${remedy}`)
  }
  const { passwordFile, tls, ...rest } = config.database
  const within = (file: string | undefined): string | undefined =>
    file === undefined || isAbsolute(file) ? file : join(path, file)
  const database = await openPostgres({
    ...rest,
    passwordFile: within(passwordFile),
    ...(tls === undefined ? {} : { tls: { caFile: within(tls.caFile) } }),
  })
  const log = await openPostgresLog({ name: logName }, { database }).catch(async error => {
    await database.close()
    throw error
  })
  const name = `${hostname()}/${process.pid}/${randomBytes(4).toString('hex')}`
  const holder = createLeaseHolder({ log, holder: name, ttlMs, marginMs })
  const stop = new AbortController()
  const holding = holder.run(() => {}, stop.signal).catch(supervision.fail)
  const lease = (): Lease | undefined => holder.current
  const fence = { log: logName, lease }
  const openGuard: Machine['openGuard'] = options => openPostgresGuard(options, { database, fence })
  const storage: SequencerStorage = {
    log,
    lease,
    openGuard,
    placeOf: (part: 'log' | Address) => `${part === 'log' ? 'the log' : `the guard of ${part}`} in ${rest.database}`,
    async close() {},
  }
  return {
    name,
    ...{ storage, openGuard, lease },
    async close() {
      stop.abort()
      await holding
      await log.close()
      await database.close()
    },
  }
}
