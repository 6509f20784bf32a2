import { concatBytes, equalBytes, isL2Error } from '@l2/common'
import type { FuzzTarget } from '@l2/common/testing'
import { decodeDeposit, depositFromLog, encodeDeposit, encodeDepositLog } from '../src/derivation/deposit.ts'
import { simulatedAccount } from '../src/testing/l1-simulator.ts'

const { address } = simulatedAccount(1)

/** The first byte chooses: an encoded deposit, or the data of a deposit log. Either is read and comes out the same again, or is refused. */
export const target: FuzzTarget = {
  corpus: random =>
    Array.from({ length: 40 }, (_, i) => {
      const deposit = {
        from: address,
        to: random.bool() ? address : undefined,
        mint: BigInt(random.uint32()),
        value: BigInt(random.uint32()),
        gas: BigInt(random.uint32()),
        data: random.bytes(random.below(100)),
      }
      const sourceHash = `0x${'11'.repeat(32)}` as const
      return i % 2 === 0
        ? concatBytes(Uint8Array.of(0), encodeDeposit({ ...deposit, sourceHash, isSystemTransaction: false }))
        : concatBytes(Uint8Array.of(1), encodeDepositLog(deposit).data)
    }),
  run(input) {
    const bytes = input.subarray(1)
    try {
      if ((input[0] ?? 0) % 2 === 0) {
        if (!equalBytes(encodeDeposit(decodeDeposit(bytes)), bytes)) throw new Error('not canonical')
        return
      }
      const { topics } = encodeDepositLog({
        from: address,
        to: address,
        mint: 0n,
        value: 0n,
        gas: 0n,
        data: new Uint8Array(),
      })
      const log = { address, topics, data: bytes, logIndex: 7 }
      const deposit = depositFromLog(log, topics[0]!)
      if (!equalBytes(encodeDeposit(decodeDeposit(encodeDeposit(deposit))), encodeDeposit(deposit))) {
        throw new Error('does not survive its own encoding')
      }
    } catch (error) {
      if (!isL2Error(error)) throw error
    }
  },
}
