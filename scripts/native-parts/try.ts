// What every user of an optional native part makes of the parts as they are here, in one line of JSON.
import { cKzg } from '../../packages/blob/src/kzg/c-kzg.ts'
import { ethKzg } from '../../packages/blob/src/kzg/eth-kzg.ts'
import { createBlobKzg, createKzgPool } from '../../packages/blob/src/kzg/index.ts'
import { createNativeRecovery } from '../../packages/sequencer-core/src/transaction/native.ts'
import { createRecoveryPool } from '../../packages/sequencer-core/src/transaction/recovery-pool.ts'

const said: string[] = []
const note = (level: string) => (_: object, message?: string) => said.push(`${level}: ${message}`)
const logger = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') }
type Failure = { code?: string; details?: { state?: string; reason?: string }; message?: string }

async function outcome(run: () => unknown): Promise<string> {
  try {
    return String(await run())
  } catch (error) {
    const { code, details, message } = error as Failure
    return code === undefined ? `uncaught ${message}` : [code, details?.state].filter(Boolean).join(' ')
  }
}

const results = {
  createBlobKzg: await outcome(async () => (await createBlobKzg({}, { logger })).backend),
  createKzgPool: await outcome(async () => {
    await using pool = await createKzgPool({ size: 2 }, { logger })
    return pool.backend
  }),
  cKzg: await outcome(() => cKzg().backend),
  ethKzg: await outcome(() => ethKzg().backend),
  createNativeRecovery: await outcome(async () => (await createNativeRecovery()).name),
  createRecoveryPool: await outcome(async () => {
    await using pool = await createRecoveryPool({ threads: 1 })
    return pool.name
  }),
}
console.log(JSON.stringify({ results, said }))
