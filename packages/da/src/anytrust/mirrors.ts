import { bytesToHex, equalBytes } from '@l2/common'
import { DaError } from '../errors.js'
import { fromBase64 } from '../internal/base64.js'
import type { ServerUrl } from '../internal/server-url.js'
import type { DaCallOptions } from '../port.js'
import { type Ask, fieldsOf } from './requests.js'
import { treeHash } from './tree.js'

/** The data of a hash from the first of `mirrors` that has it: what they say is checked. */
export async function fetchData(
  ask: Ask,
  { mirrors, maxBytes }: { mirrors: readonly ServerUrl[]; maxBytes: number },
  dataHash: Uint8Array,
  call: DaCallOptions | undefined,
): Promise<Uint8Array> {
  const failures: unknown[] = []
  for (const mirror of mirrors) {
    try {
      const path = `/get-by-hash/${bytesToHex(dataHash).slice(2)}`
      const answer = await ask(mirror, { path, maxBytes: 2 * maxBytes + 65_536 }, call)
      const data = dataIn(answer.body)
      if (data !== undefined && equalBytes(treeHash(data), dataHash)) return data
      throw new DaError(`${mirror.origin} returned other data than it was asked for`, {
        code: data === undefined ? 'DA_RESPONSE_INVALID' : 'DA_MISMATCH',
        details: { origin: mirror.origin },
      })
    } catch (error) {
      call?.signal?.throwIfAborted()
      failures.push(error)
    }
  }
  // That nobody has it is said only when all could be asked.
  const code = (error: unknown) => (error as DaError).code
  throw (
    failures.find(error => code(error) === 'DA_MISMATCH') ??
    failures.find(error => code(error) !== 'DA_NOT_FOUND') ??
    failures[0]
  )
}

function dataIn(body: Uint8Array): Uint8Array | undefined {
  const { data } = fieldsOf(body) as { data?: unknown }
  return typeof data === 'string' ? fromBase64(data) : undefined
}
