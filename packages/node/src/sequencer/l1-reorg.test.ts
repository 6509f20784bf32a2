import type { Hash } from 'viem'
import { expect, it } from 'vitest'
import { heightOnL1 } from './l1-reorg.js'

const hash = (n: bigint, branch = 0): Hash => `0x${branch}${n.toString(16).padStart(63, '0')}`
/** Origins 1 to 9, two blocks upon each, the newest first. */
const chain = {
  origins: () =>
    Array.from({ length: 9 }, (_, n) => ({
      number: BigInt(9 - n),
      hash: hash(BigInt(9 - n)),
      head: 2n * BigInt(9 - n),
    })),
}
/** An L1 of `length` blocks that is another one from a height on. */
function l1(length: bigint, from: bigint) {
  let asked = 0
  return {
    number: length,
    hashAt: async (n: bigint) => {
      asked++
      return n > length ? undefined : hash(n, n >= from ? 1 : 0)
    },
    asked: () => asked,
  }
}

it('finds how far the chain stands on L1, wherever that was reorganised', async () => {
  for (let from = 2n; from <= 9n; from++) expect(await heightOnL1(chain, l1(12n, from))).toBe(2n * (from - 1n))
  const whole = l1(12n, 13n)
  expect(await heightOnL1(chain, whole)).toBeUndefined()
  expect(whole.asked()).toBe(1)
})

it('takes an L1 that has fewer blocks for one that lags, unless what it has is another one', async () => {
  expect(await heightOnL1(chain, l1(5n, 10n))).toBeUndefined()
  expect(await heightOnL1(chain, l1(5n, 4n))).toBe(6n)
  expect(await heightOnL1(chain, l1(0n, 1n))).toBeUndefined()
})

it('goes no further back than to what is kept', async () => {
  await expect(heightOnL1(chain, l1(12n, 1n))).rejects.toMatchObject({ code: 'L1_REORG_TOO_DEEP' })
})
