import { describe, expect, it } from 'vitest'
import { openNetwork } from '../../test/network.js'
import { defaultParameters } from '../parameters.js'
import { controlChainConformance } from '../testing/index.js'
import { createSoloControlChain } from './solo.js'

const open = () =>
  openNetwork(
    1,
    operator => operator,
    async (_, options, parts) => createSoloControlChain({ ...options, blockMs: 10 }, parts),
  )

describe('a control chain of one operator', () => {
  for (const { name, run } of controlChainConformance(open)) it(name, run)

  it('is none of two', () => {
    const operators = [1, 2].map(id => ({ id, power: 1n, header: `0x${String(id).repeat(40)}` as const }))
    const domain = { chainId: 901n, rollup: `0x${'01'.repeat(20)}` } as const
    const genesis = { height: 0n, hash: `0x${'00'.repeat(32)}` } as const
    const options = { domain, genesis, operators, parameters: defaultParameters }
    const plan = { slotAt: () => undefined, fallback: () => 1 }
    const list = () => ({ view: 0, atHeight: 0n, base: genesis, hashes: [] })
    expect(() =>
      createSoloControlChain(options, { plan, list, store: { load: () => undefined, save: () => {} } }),
    ).toThrow(/one operator/)
  })

  it('keeps a transaction whose block could not be written for the next one', async () => {
    let isFull = true
    const network = await openNetwork(
      1,
      operator => operator,
      async (_, options, parts) => {
        const save = (bytes: Uint8Array) => {
          if (isFull) throw new Error('ENOSPC')
          parts.store.save(bytes)
        }
        return createSoloControlChain({ ...options, blockMs: 5 }, { ...parts, store: { ...parts.store, save } })
      },
    )
    const [peer] = network.peers
    const { signTransaction } = await import('../transaction/transaction.js')
    const message = { type: 'termVote', view: 0, cause: { type: 'silent' } } as const
    const { domain } = network.options
    await peer!.chain.submit(await signTransaction({ domain, message, sequence: 1n }, peer!.sign))
    while (peer!.chain.status.waiting === undefined) await new Promise(resolve => setTimeout(resolve, 5))
    expect(peer!.chain.status.waiting).toMatch(/ENOSPC/)
    expect(peer!.chain.state().height).toBe(0n)
    isFull = false
    while (peer!.chain.state().view === 0) await new Promise(resolve => setTimeout(resolve, 5))
    expect(peer!.chain.status.waiting).toBeUndefined()
    await peer!.chain.close()
  })
})
