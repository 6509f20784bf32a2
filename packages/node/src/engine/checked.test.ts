import { L2Error } from '@l2/common'
import type { ExecutedBlock, PayloadAttributes } from '@l2/sequencer-core/engine'
import type { Hash } from 'viem'
import { expect, it } from 'vitest'
import { checkedEngine } from './checked.js'
import type { NodeEngine } from './engine.js'

const parent: Hash = `0x${'aa'.repeat(32)}`
const attributes = {} as PayloadAttributes
const block = { number: 7n, hash: `0x${'bb'.repeat(32)}` } as ExecutedBlock

const engineOf = (name: string, outcome: ExecutedBlock | Error): NodeEngine =>
  ({
    engine: {
      name,
      build: async () => {
        if (outcome instanceof Error) throw outcome
        return outcome
      },
    },
  }) as unknown as NodeEngine
const refusal = (code: string) => new L2Error(`refused: ${code}`, { code, recovery: 'reset' })
const build = (first: ExecutedBlock | Error, second: ExecutedBlock | Error) =>
  checkedEngine(engineOf('one', first), engineOf('other', second)).engine.build(parent, attributes)

it('takes a refusal of one alone for what it is, at whatever point that one sees it', async () => {
  for (const code of ['ENGINE_TRANSACTION_INVALID', 'ENGINE_PAYLOAD_INVALID']) {
    for (const run of [() => build(block, refusal(code)), () => build(refusal(code), block)]) {
      await expect(run()).rejects.toMatchObject({ code: 'ENGINES_DISAGREE', recovery: 'abort' })
    }
  }
})

it('lets a refusal of both through, and trouble of either', async () => {
  const both = build(refusal('ENGINE_TRANSACTION_INVALID'), refusal('ENGINE_PAYLOAD_INVALID'))
  await expect(both).rejects.toMatchObject({ code: 'ENGINE_TRANSACTION_INVALID' })
  await expect(build(block, refusal('ENGINE_UNAVAILABLE'))).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' })
  expect(await build(block, block)).toBe(block)
})
