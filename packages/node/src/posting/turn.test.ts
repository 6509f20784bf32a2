import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Verifier } from '../verifier/verifier.js'
import { createPosterTurn } from './turn.js'

/** An L1 at block 16 that knows who posts, or is down. */
const l1 = { isDown: false, batcher: 'aa', url: '' }
const server = createServer((request, response) => {
  let body = ''
  request.on('data', chunk => {
    body += String(chunk)
  })
  request.on('end', () => {
    if (l1.isDown) return request.socket.destroy()
    const { method } = JSON.parse(body) as { method: string }
    const result = method === 'eth_blockNumber' ? '0x10' : `0x${'00'.repeat(12)}${l1.batcher.repeat(20)}`
    response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result }))
  })
})
beforeAll(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  l1.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => new Promise(resolve => server.close(resolve)))

const derivedAt = (number: bigint, batcher: string) =>
  ({ status: { checkpoint: { warm: { after: { number }, systemConfig: { batcher } } } } }) as unknown as Verifier
const open = (verifier = derivedAt(3n, `0x${'bb'.repeat(20)}`)) =>
  createPosterTurn(
    { l1Url: l1.url, rollup: { systemConfigContract: `0x${'c1'.repeat(20)}` }, account: `0x${'AA'.repeat(20)}` },
    verifier,
  )

it('goes by the last answer while L1 is down, and by none if there was none', async () => {
  const turn = open()
  expect(await turn.isOurs()).toBe(true)
  l1.batcher = 'bb'
  expect(await turn.isOurs()).toBe(false)
  l1.isDown = true
  expect(await turn.isOurs()).toBe(false)
  await expect(open().isOurs()).rejects.toMatchObject({ code: 'BATCHER_TURN_UNKNOWN', recovery: 'retry' })
  l1.isDown = false
  l1.batcher = 'aa'
  expect(await turn.isOurs()).toBe(true)
})

it('takes no answer that derivation contradicts at the same L1 block', async () => {
  const turn = open(derivedAt(16n, `0x${'bb'.repeat(20)}`))
  await expect(turn.isOurs()).rejects.toMatchObject({ code: 'BATCHER_TURN_UNKNOWN', recovery: 'retry' })
})
