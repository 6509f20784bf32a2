// Seals blocks, signature by signature and entry by entry, until it dies; says on standard output what it has signed and what was acknowledged. It
// kills itself at one of its own writes: before it, in the middle of it, or after it.
import { writeSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { seededRandom } from '@l2/common/testing'
import { privateKeyToAccount } from 'viem/accounts'
import { hashSequencerHeader, type SequencerHeader } from '../../block/header.js'
import { createHeaderSigner } from '../../block/sign.js'
import { openFileGuard } from '../../guard/file.js'
import { openFileLog } from '../file.js'

const [folder, seed, killAt, manner] = process.argv.slice(2) as [string, string, string, string]
const random = seededRandom(Number(seed))
const account = privateKeyToAccount(`0x${'77'.repeat(32)}`)
const domain = { chainId: 901n, rollup: `0x${'0f'.repeat(20)}` } as const
const die = () => process.kill(process.pid, 'SIGKILL')

let writes = 0
const probe = await open(import.meta.filename ?? process.argv[1]!, 'r')
const prototype = Object.getPrototypeOf(probe) as Record<string, (...parameters: unknown[]) => Promise<unknown>>
await probe.close()
for (const method of ['write', 'datasync', 'truncate', 'sync']) {
  const original = prototype[method]!
  prototype[method] = async function (this: FileHandle, ...parameters: unknown[]) {
    const isLast = writes++ === Number(killAt)
    if (isLast && manner === 'before') die()
    if (isLast && manner === 'half' && method === 'write') {
      const [bytes, start, length, position] = parameters as [Uint8Array, number, number, number]
      await original.call(this, bytes, start, random.below(length), position)
      die()
    }
    const result = await original.apply(this, parameters)
    if (isLast) die()
    return result
  }
}

/** What the log's payload is here: the header as text, and ballast. */
const encode = (header: SequencerHeader): Uint8Array =>
  new TextEncoder().encode(
    `${JSON.stringify(header, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))}${'.'.repeat(random.below(20_000))}`,
  )
const decode = (payload: Uint8Array): SequencerHeader => {
  const text = new TextDecoder().decode(payload)
  return JSON.parse(text.slice(0, text.lastIndexOf('}') + 1), (_, value: unknown) =>
    typeof value === 'string' && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
  ) as SequencerHeader
}

const log = await openFileLog({ path: `${folder}/blocks.log` })
const { epoch } = await log.acquire('child', 1000)
let { seq, hash } = await log.head()
let last: SequencerHeader | undefined
for await (const entry of log.read(seq)) last = decode(entry.payload)
const seen =
  last === undefined
    ? []
    : [{ epoch: last.epochId, term: last.term, height: last.height, digest: hashSequencerHeader(last, domain) }]
const guard = await openFileGuard({ path: `${folder}/watermark`, signer: account.address, chainId: 901n, seen })
const signer = createHeaderSigner({ account, domain, guard })

async function append(header: SequencerHeader, payload: Uint8Array): Promise<void> {
  const entry = await log.append({ epoch, seq: seq + 1n, prevHash: hash, payload })
  ;({ seq, hash } = entry)
  writeSync(1, `acknowledged ${seq} ${hash} ${header.height}\n`)
}

const pending = await guard.pending()
if (pending?.payload !== undefined && pending.height === seq + 1n) {
  const header = decode(pending.payload)
  await signer.sign(header)
  writeSync(1, `signed ${header.height} ${hashSequencerHeader(header, domain)}\n`)
  await append(header, pending.payload)
}
for (;;) {
  const content = (): `0x${string}` => `0x${Buffer.from(random.bytes(32)).toString('hex')}`
  const header: SequencerHeader = {
    epochId: 1n,
    term: 0,
    height: seq + 1n,
    parentHash: hash,
    txRoot: content(),
    stateRoot: content(),
    timestamp: 1_700_000_000n + seq,
    l1OriginNumber: 1n,
    l1OriginHash: content(),
    forcedUpTo: 0n,
  }
  const payload = encode(header)
  await signer.sign(header, payload)
  writeSync(1, `signed ${header.height} ${hashSequencerHeader(header, domain)}\n`)
  await append(header, payload)
}
