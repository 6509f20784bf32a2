import { isL2Error } from '@l2/common'
import type { FuzzTarget } from '@l2/common/testing'
import { encodeRlp } from '../src/rlp/rlp.ts'
import { decodeTransaction } from '../src/transaction/decode.ts'
import { pragueGas } from '../src/transaction/gas.ts'
import { createNativeRecovery } from '../src/transaction/native.ts'
import { randomTransaction } from '../src/transaction/testdata/random-transaction.ts'

const recovery = await createNativeRecovery()

/** Whatever the bytes are: a transaction whose bytes say what it says, or a typed refusal. */
export const target: FuzzTarget = {
  corpus: random => Array.from({ length: 60 }, () => randomTransaction(random).raw),
  run(input, random) {
    try {
      const transaction = decodeTransaction(input, {
        allowUnprotected: true,
        recovery,
        ...(random.bool() ? { schedule: pragueGas } : {}),
      })
      if (transaction.raw !== input || transaction.sender.length !== 42) throw new Error('not what was decoded')
      // Only canonical bytes are taken: the fields, encoded again, are the input.
      const { r, s } = { r: transaction.signature.subarray(0, 32), s: transaction.signature.subarray(32) }
      const strip = (bytes: Uint8Array) => bytes.subarray(bytes.findIndex(byte => byte !== 0))
      const tail = encodeRlp([strip(r), strip(s)])
      const end = tail.subarray(tail.length < 58 ? 1 : 2)
      if (!Buffer.from(input).subarray(-end.length).equals(end)) throw new Error('signature is not at the end')
    } catch (error) {
      if (!isL2Error(error)) throw error
    }
  },
}
