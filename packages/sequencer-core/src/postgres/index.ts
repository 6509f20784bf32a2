// postgres

export type { L2Error, L2ErrorOptions, Recovery } from '@l2/common'
export type { SequencerError, SequencerErrorCode } from '../errors.js'
export type { Reservation, SigningGuard } from '../guard/guard.js'
export type { SigningPosition, Watermark } from '../guard/watermark.js'
export type { Child } from '../internal/child.js'
export type { Lease, LogEntry, LogHead, NewLogEntry, ReadLogOptions, SequencerLog } from '../log/log.js'
export { openPostgres, type PostgresConnection, type PostgresDatabase, type Row } from './database.js'
export {
  openPostgresGuard,
  type PostgresGuard,
  type PostgresGuardDependencies,
  type PostgresGuardOptions,
} from './guard.js'
export { openPostgresLog, type PostgresLogOptions } from './log.js'
export type { PostgresOptions } from './options.js'
export { type PostgresProcess, postgresBinaries, type SpawnPostgresOptions, spawnPostgres } from './process.js'
