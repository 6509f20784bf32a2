import { describe, expect, it, onTestFinished } from 'vitest'
import { createCelestiaDa } from '../celestia/celestia.js'
import { createCelestiaClient } from '../celestia/client.js'
import { namespaceV0 } from '../celestia/namespace.js'
import { daLayer } from '../commitment.js'
import { DaError, type DaErrorCode } from '../errors.js'
import { createCalldataDa } from '../ethereum/calldata.js'
import { createTransactionManager } from '../ethereum/transaction-manager.js'
import { anvilAccounts, startAnvil } from '../internal/anvil.js'
import type { MemoryFault } from '../memory/faults.js'
import type { MemoryDa } from '../memory/memory.js'
import { createMemoryDa } from '../memory/memory.js'
import { createObjectDa } from '../object/object.js'
import type { L1DataAvailability } from '../port.js'
import { createMemoryStore } from '../store.js'
import { createCelestiaServer } from '../testing/celestia/server.js'
import type { RouterEvent } from './layer.js'
import { createMirrorDa } from './mirror.js'
import { createRouterDa } from './router.js'

const item = (value: number) => Uint8Array.of(0, value >> 8, value & 255)
const named = (layers: readonly MemoryDa[]) => layers.map((da, index) => ({ name: `layer ${index}`, da }))
const failing = (code: DaErrorCode) => createMemoryDa({}, { inject: failWith(code) })
const failWith =
  (code: DaErrorCode) =>
  (operation: string): MemoryFault | undefined =>
    operation === 'submit' ? { type: 'fail', error: new DaError(code, { code }) } : undefined

describe('createRouterDa', () => {
  it('fails over from Ethereum to Celestia while L1 is cut off, returns with it, and loses nothing', async () => {
    const anvil = await startAnvil()
    onTestFinished(anvil.close)
    const celestia = await createCelestiaServer()
    let down = false
    const client = {
      async request({ method, params }: { method: string; params?: unknown }) {
        if (down) throw new Error('connect ECONNREFUSED')
        return anvil.rpc(method, params as unknown[])
      },
    }
    const transactions = createTransactionManager(
      { confirmations: 1, pollMs: 20 },
      { client, account: anvilAccounts[0]! },
    )
    const ethereum = createCalldataDa({ inbox: `0x${'00'.repeat(19)}ff` }, { client, transactions })
    const other = createCelestiaDa(
      { namespace: namespaceV0(Uint8Array.of(1, 1)) },
      { client: createCelestiaClient({ url: celestia.url, token: celestia.token }) },
    )
    const da = createRouterDa(
      { policy: 'failover', stallMs: 30_000, probeMs: 30_000, failures: 1, cooldownMs: 50 },
      { layers: [{ da: ethereum }, { da: other }] },
    )
    const posted = []
    for (let i = 0; i < 12; i++) {
      if (i === 4) down = true
      if (i === 8) {
        down = false
        await expect.poll(() => da.layers()[0]!.state).toBe('half-open')
      }
      posted.push((await da.submit([item(i)])).commitments[0]!)
    }
    expect(posted.map(({ layer }) => layer)).toEqual([
      ...Array(4).fill(daLayer.ethereumCalldata),
      ...Array(4).fill(daLayer.celestia),
      ...Array(4).fill(daLayer.ethereumCalldata),
    ])
    for (const [i, commitment] of posted.entries()) expect(await da.get(commitment)).toEqual(item(i))
    // What Ethereum did not take while it was away was withdrawn, not sent afterwards.
    expect(await anvil.client.getTransactionCount({ address: anvilAccounts[0]!.address })).toBe(8)
    await da.close()
    await transactions.close()
    await celestia.close()
  })

  it('gives up on a layer that hangs after the time it has', async () => {
    const stalled = createMemoryDa(
      {},
      { inject: operation => (operation === 'submit' ? { type: 'stall' } : undefined) },
    )
    const working = createMemoryDa()
    const da = createRouterDa(
      { policy: 'failover', stallMs: 40, failures: 1 },
      {
        layers: [
          { name: 'stalled', da: stalled },
          { name: 'working', da: working },
        ],
      },
    )
    const { commitments } = await da.submit([item(1)])
    expect(await working.get(commitments[0]!)).toEqual(item(1))
    expect(da.layers().map(({ state }) => state)).toEqual(['open', 'closed'])
  })

  it('goes where it is cheaper, and only for a difference that is worth it', async () => {
    const prices = [100n, 90n]
    const layers = [0, 1].map(index => ({
      name: `layer ${index}`,
      da: createMemoryDa({ weiPerByte: 1n }),
      toWei: () => prices[index]!,
    }))
    const da = createRouterDa({ policy: 'price', hysteresisPercent: 15 }, { layers })
    const heights = () => Promise.all(layers.map(async ({ da }) => Number(await da.height())))
    await da.submit([item(1)])
    expect(await heights()).toEqual([1, 0])
    prices[1] = 50n
    await da.submit([item(2)])
    expect(await heights()).toEqual([1, 1])
    prices[0] = 46n
    await da.submit([item(3)])
    expect(await heights()).toEqual([1, 2])
  })

  it('calls data lost only when no layer that reads it has it, and posts it once', async () => {
    let down = true
    const inject = (operation: string): MemoryFault | undefined =>
      down && operation === 'submit'
        ? { type: 'fail', error: new DaError('down', { code: 'DA_UNAVAILABLE' }) }
        : undefined
    const layers = [createMemoryDa({}, { inject }), createMemoryDa()] as const
    const da = createRouterDa({ policy: 'failover', failures: 9 }, { layers: named(layers) })
    const { commitments } = await da.submit([item(1)])
    down = false
    expect(await da.status(commitments[0]!)).toBe('final')
    await da.submit([item(1)])
    expect(await Promise.all(layers.map(layer => layer.height()))).toEqual([0n, 1n])
    await layers[1].reorg(1)
    expect(await da.status(commitments[0]!)).toBe('lost')
    await da.submit([item(1)])
    expect(await Promise.all(layers.map(layer => layer.height()))).toEqual([1n, 0n])
  })

  it('ends on another layer what a crash left on one that is down now', async () => {
    const store = createMemoryStore()
    const stall = (operation: string): MemoryFault | undefined =>
      operation === 'submit' ? { type: 'stall' } : undefined
    const down = (): MemoryFault => ({ type: 'fail', error: new DaError('down', { code: 'DA_UNAVAILABLE' }) })
    const second = createMemoryDa()
    const before = createRouterDa(
      { policy: 'failover' },
      { layers: named([createMemoryDa({}, { inject: stall }), second]), store },
    )
    const abort = new AbortController()
    const waiting = before.submit([item(1)], { key: 'batch', signal: abort.signal })
    while ((await before.pending()).length === 0) await new Promise(resolve => setImmediate(resolve))
    abort.abort(new Error('the process dies'))
    await expect(waiting).rejects.toThrow('the process dies')
    const after = createRouterDa(
      { policy: 'failover' },
      { layers: named([createMemoryDa({}, { inject: down }), second]), store },
    )
    expect(await after.pending()).toEqual(['batch'])
    const receipt = await after.resume('batch')
    expect(await second.get(receipt!.commitments[0]!)).toEqual(item(1))
    expect(await after.pending()).toEqual([])
  })

  it('tells what every layer said when none takes it', async () => {
    const down = (): MemoryFault => ({ type: 'fail', error: new DaError('down', { code: 'DA_UNAVAILABLE' }) })
    const layers = named([1, 2].map(() => createMemoryDa({}, { inject: down })))
    const da = createRouterDa({ policy: 'failover', backoffMs: 1 }, { layers })
    await expect(da.submit([item(1)])).rejects.toMatchObject({
      code: 'DA_ALL_FAILED',
      retry: 'backoff',
      details: { layers: [{ code: 'DA_UNAVAILABLE' }, { code: 'DA_UNAVAILABLE' }] },
    })
  })
})

describe('layers of a router', () => {
  it('have names, which differ', () => {
    const layers = [{ da: createMemoryDa() }, { da: createMemoryDa() }]
    expect(() => createRouterDa({ policy: 'failover' }, { layers })).toThrow(/"memory" does not/)
    const da = createRouterDa({ policy: 'failover' }, { layers: named(layers.map(({ da }) => da)) })
    expect(da.layers().map(({ name }) => name)).toEqual(['layer 0', 'layer 1'])
  })

  it('are tried one after another whatever the first says, and what happens is told', async () => {
    for (const code of ['DA_REJECTED', 'DA_UNAUTHORIZED', 'DA_READ_ONLY', 'DA_UNAVAILABLE', 'DA_TOO_LARGE'] as const) {
      const events: RouterEvent[] = []
      const second = createMemoryDa()
      const da = createRouterDa(
        { policy: 'failover', failures: 1, attempts: 1 },
        { layers: named([failing(code), second]), onEvent: event => events.push(event) },
      )
      const { commitments, key } = await da.submit([item(1)])
      expect(await second.get(commitments[0]!)).toEqual(item(1))
      const first =
        code === 'DA_TOO_LARGE'
          ? { type: 'data-refused', layer: 'layer 0', code, key }
          : { type: 'layer-failed', layer: 'layer 0', during: 'submit', code, key }
      expect(events).toEqual([first, { type: 'failed-over', key, from: 'layer 0', to: 'layer 1' }])
      // What says nothing about the data is the layer's failure: it is left alone for a while.
      expect(da.layers()[0]!.state).toBe(code === 'DA_TOO_LARGE' ? 'closed' : 'open')
    }
  })

  it('refuse the data only together', async () => {
    const submit = (...codes: DaErrorCode[]) =>
      createRouterDa({ policy: 'failover', attempts: 1 }, { layers: named(codes.map(failing)) }).submit([item(1)])
    await expect(submit('DA_REJECTED', 'DA_UNAVAILABLE')).rejects.toMatchObject({
      code: 'DA_ALL_FAILED',
      retry: 'backoff',
    })
    await expect(submit('DA_UNAUTHORIZED', 'DA_TOO_LARGE')).rejects.toMatchObject({ code: 'DA_TOO_LARGE' })
    await expect(submit('DA_REJECTED', 'DA_UNAUTHORIZED')).rejects.toMatchObject({
      code: 'DA_REJECTED',
      retry: 'fatal',
    })
  })

  it('are found again in a journal that knows them by other names', async () => {
    const store = createMemoryStore()
    const stall = (operation: string): MemoryFault | undefined =>
      operation === 'submit' ? { type: 'stall' } : undefined
    const hanging = createMemoryDa({}, { inject: stall })
    const other = Object.assign(createMemoryDa(), { name: 'other' })
    // As routers wrote it before layers had names: by the adapters'.
    const before = createRouterDa({ policy: 'failover' }, { layers: [{ da: hanging }, { da: other }], store })
    const abort = new AbortController()
    const waiting = before.submit([item(1)], { key: 'batch', signal: abort.signal })
    while ((await before.pending()).length === 0) await new Promise(resolve => setImmediate(resolve))
    await new Promise(resolve => setTimeout(resolve, 20))
    abort.abort(new Error('the process dies'))
    await expect(waiting).rejects.toThrow('the process dies')
    const memory = createMemoryDa()
    const layers = [
      { name: 'b', da: other },
      { name: 'a', da: memory },
    ]
    const after = createRouterDa({ policy: 'failover' }, { layers, store })
    expect(await after.resume('batch')).toMatchObject({ key: 'batch' })
    expect(await memory.height()).toBe(1n)
    // Neither is one that is another layer's, whose adapter is of the same kind.
    const [backup, kept] = [createMemoryDa(), createMemoryDa()]
    const crashed = createMemoryStore()
    const dying = createRouterDa({ policy: 'failover' }, { layers: [{ da: hanging }], store: crashed })
    const gone = new AbortController()
    const call = dying.submit([item(2)], { key: 'batch', signal: gone.signal })
    while ((await dying.pending()).length === 0) await new Promise(resolve => setImmediate(resolve))
    await new Promise(resolve => setTimeout(resolve, 20))
    gone.abort(new Error('the process dies'))
    await expect(call).rejects.toThrow('the process dies')
    const twoOfAKind = [
      { name: 'backup', da: backup },
      { name: 'memory', da: kept },
    ]
    await createRouterDa({ policy: 'failover' }, { layers: twoOfAKind, store: crashed }).resume('batch')
    expect([await backup.height(), await kept.height()]).toEqual([0n, 1n])
    // Names that nobody has any more are no trouble.
    const later = createRouterDa({ policy: 'failover' }, { layers: named([other, memory]), store })
    expect(await later.resume('batch')).toMatchObject({ key: 'batch' })
  })

  it('make an L1 layer together only if all are on L1', () => {
    const onL1 = (da: MemoryDa) => Object.assign(da, { includedOn: 'l1' as const })
    const all = createRouterDa(
      { policy: 'failover' },
      {
        layers: [
          { name: 'a', da: onL1(createMemoryDa()) },
          { name: 'b', da: onL1(createMemoryDa()) },
        ],
      },
    )
    expect(all.includedOn).toBe('l1')
    const some = createRouterDa(
      { policy: 'failover' },
      {
        layers: [
          { name: 'a', da: onL1(createMemoryDa()) },
          { name: 'b', da: createMemoryDa() },
        ],
      },
    )
    expect('includedOn' in some).toBe(false)
    // @ts-expect-error a layer beside L1 makes no L1 layer
    const sink: L1DataAvailability = some
    expect(sink).toBe(some)
  })
})

describe('createMirrorDa', () => {
  it('calls a commitment dead when all its copies are, and not while another is out of reach', async () => {
    const says: (DaErrorCode | undefined)[] = [undefined, undefined]
    const fail = (code: DaErrorCode) => new DaError('no', { code })
    const inject = (operation: string): MemoryFault | undefined =>
      operation === 'get' && says[0] !== undefined ? { type: 'fail', error: fail(says[0]) } : undefined
    const store = createMemoryStore()
    const get = async (key: string) => {
      if (says[1] !== undefined) throw fail(says[1])
      return store.get(key)
    }
    const layers = [createMemoryDa({}, { inject }), createObjectDa({}, { objects: { ...store, get } })]
    const da = createMirrorDa({ required: 2 }, { layers })
    const [commitment] = (await da.submit([item(1)])).commitments
    says.splice(0, 2, 'DA_COMMITMENT_DEAD', 'DA_UNAVAILABLE')
    await expect(da.get(commitment!)).rejects.toMatchObject({ code: 'DA_UNAVAILABLE' })
    says[1] = 'DA_COMMITMENT_DEAD'
    await expect(da.get(commitment!)).rejects.toMatchObject({ code: 'DA_COMMITMENT_DEAD' })
    says[1] = undefined
    expect(await da.get(commitment!)).toEqual(item(1))
  })

  it('reads from any copy, and refuses copies of different data', async () => {
    const layers = [createMemoryDa(), createMemoryDa()] as const
    const da = createMirrorDa({ required: 2 }, { layers })
    const { commitments } = await da.submit([item(1)])
    await layers[0].reorg(1)
    expect(await da.get(commitments[0]!)).toEqual(item(1))
    const second = (await da.submit([item(2)])).commitments[0]!
    const forged = { layer: second.layer, payload: second.payload.slice() }
    forged.payload.set(commitments[0]!.payload.subarray(35), 35)
    await expect(da.get(forged)).rejects.toMatchObject({ code: 'DA_COMMITMENT_DEAD' })
  })
})
