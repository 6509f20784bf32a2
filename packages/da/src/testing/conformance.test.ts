import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { anvilBeacon, createBeacon } from '@l2/blob'
import { cKzg } from '@l2/blob/c-kzg'
import type { Closable } from '@l2/common'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { createAltDa } from '../alt-da/client.js'
import { createHybridDa } from '../alt-da/hybrid.js'
import { createCelestiaDa } from '../celestia/celestia.js'
import { createCelestiaClient } from '../celestia/client.js'
import { namespaceV0 } from '../celestia/namespace.js'
import { DaError } from '../errors.js'
import { createBlobDa } from '../ethereum/blobs.js'
import { createCalldataDa } from '../ethereum/calldata.js'
import type { EthereumClient } from '../ethereum/rpc.js'
import { createTransactionManager } from '../ethereum/transaction-manager.js'
import { type Anvil, startAnvil } from '../internal/anvil.js'
import type { MemoryFault } from '../memory/faults.js'
import { createMemoryDa, type MemoryDa } from '../memory/memory.js'
import { createAltDaServer } from '../node/alt-da-server.js'
import { createFileStore } from '../node/file-store.js'
import type { DataAvailability } from '../port.js'
import { createMirrorDa } from '../router/mirror.js'
import { createRouterDa } from '../router/router.js'
import { createMemoryStore, type Store } from '../store.js'
import { type CelestiaFault, createCelestiaServer } from './celestia/server.js'
import { type ConformanceOptions, type ConformanceSubject, conformanceCases } from './conformance.js'

function suite(name: string, options: ConformanceOptions): void {
  describe(name, () => {
    for (const { name, run } of conformanceCases(options)) it(name, run)
  })
}

/** A memory layer with every fault, on a store. */
function memorySubject(store: Store, close: () => Promise<void>): ConformanceSubject & { da: MemoryDa } {
  let fault: MemoryFault | undefined
  let lost = false
  const inject = (operation: string): MemoryFault | undefined => {
    if (lost && operation === 'submit') {
      lost = false
      return { type: 'lose-answer' }
    }
    if (fault?.type === 'lie' && operation !== 'get') return undefined
    return fault
  }
  const open = () => createMemoryDa({ finalityBlocks: 2, weiPerByte: 1n }, { store, inject })
  const da = open()
  return {
    da,
    restart: async () => open(),
    settle: () => da.mine(2),
    posted: async () => {
      let count = 0
      for await (const _ of da.list({ from: 1n, to: await da.height() })) count++
      return count
    },
    cutOff: async () => {
      fault = { type: 'fail', error: new DaError('down', { code: 'DA_UNAVAILABLE' }) }
    },
    restore: async () => {
      fault = undefined
    },
    lie: change => {
      fault = change === undefined ? undefined : { type: 'lie', change }
    },
    loseAnswer: () => {
      lost = true
    },
    reorg: () => da.reorg(1),
    prune: () => da.reorg(1000),
    close,
  }
}

suite('memory', { open: async () => memorySubject(createMemoryStore(), async () => {}) })

suite('directory', {
  open: async () => {
    const directory = await mkdtemp(join(tmpdir(), 'l2-da-'))
    return memorySubject(createFileStore(directory), () => rm(directory, { recursive: true, force: true }))
  },
})

suite('celestia', {
  maxBytes: 60_000,
  open: async () => {
    let fault: ((method: string) => CelestiaFault | undefined) | undefined
    const server = await createCelestiaServer({ inject: method => fault?.(method) })
    const store = createMemoryStore()
    const client = createCelestiaClient({ url: server.url, token: server.token })
    const open = () =>
      createCelestiaDa(
        { namespace: namespaceV0(Uint8Array.of(1, 2, 3)), pollMs: 20, maxAttempts: 4 },
        { client, store },
      )
    const da = open()
    return {
      da,
      restart: async () => open(),
      posted: async () => server.posted().length,
      cutOff: server.cutOff,
      restore: server.restore,
      lie: change => {
        fault =
          change &&
          (method =>
            method === 'blob.Get'
              ? {
                  type: 'lie',
                  change: result => {
                    const blob = result as { data: string }
                    const data = change(new Uint8Array(Buffer.from(blob.data, 'base64')))
                    return { ...blob, data: Buffer.from(data).toString('base64') }
                  },
                }
              : undefined)
      },
      loseAnswer: () => {
        fault = method => {
          if (method !== 'blob.Submit') return undefined
          fault = undefined
          return { type: 'lose-answer' }
        }
      },
      prune: async () => {
        server.mine(3)
        server.prune(server.height())
      },
      secrets: [server.token],
      close: async () => {
        await da.close()
        await server.close()
      },
    }
  },
})

for (const commitments of ['generic', 'keccak'] as const) {
  suite(`alt-da with ${commitments} commitments`, {
    open: async () => {
      const below = memorySubject(createMemoryStore(), async () => {})
      const server = await createAltDaServer({}, { da: below.da })
      const store = createMemoryStore()
      const secret = 'api-key-that-nobody-may-see'
      // The client's own answers are cut and changed here: the server would notice what the layer below does.
      let lie: ((data: Uint8Array) => Uint8Array) | undefined
      const lying: typeof fetch = async (input, init) => {
        const response = await fetch(input, init)
        if (lie === undefined || init?.method !== 'GET') return response
        return new Response(lie(new Uint8Array(await response.arrayBuffer())) as BodyInit, response)
      }
      const open = () =>
        createAltDa(
          { url: server.url, commitments, headers: { 'x-api-key': secret } },
          { store, verifiers: [createMemoryDa()], fetch: lying },
        )
      const da = open()
      const { posted, cutOff, restore, loseAnswer } = below
      return {
        da,
        restart: async () => open(),
        posted,
        cutOff,
        restore,
        loseAnswer,
        lie: change => {
          lie = change
        },
        prune: below.prune,
        secrets: [secret],
        close: async () => {
          await da.close()
          await server.close()
        },
      }
    },
  })
}

for (const policy of ['failover', 'price'] as const) {
  suite(`router by ${policy}`, {
    open: async () => {
      const layers = [
        memorySubject(createMemoryStore(), async () => {}),
        memorySubject(createMemoryStore(), async () => {}),
      ]
      const both = async (act: (subject: ConformanceSubject) => unknown) => {
        for (const layer of layers) await act(layer)
      }
      const store = createMemoryStore()
      const open = () =>
        createRouterDa(
          { policy, stallMs: 5000, backoffMs: 5, cooldownMs: 20 },
          { layers: layers.map(({ da }, index) => ({ name: `memory ${index}`, da })), store },
        )
      const da = open()
      return {
        da,
        restart: async () => open(),
        settle: () => both(({ settle }) => settle?.()),
        posted: async () => (await layers[0]!.posted!()) + (await layers[1]!.posted!()),
        cutOff: () => both(({ cutOff }) => cutOff?.()),
        restore: () => both(({ restore }) => restore?.()),
        lie: change => {
          for (const { lie } of layers) lie?.(change)
        },
        loseAnswer: () => layers[0]!.loseAnswer!(),
        reorg: () => layers[0]!.reorg!(),
        prune: () => both(({ prune }) => prune?.()),
        close: () => da.close(),
      }
    },
  })
}

suite('mirror of 2 in 3', {
  open: async () => {
    const layers = [0, 1, 2].map(() => memorySubject(createMemoryStore(), async () => {}))
    // The third is down all the time.
    await layers[2]!.cutOff!()
    const store = createMemoryStore()
    const open = () => createMirrorDa({ required: 2, graceMs: 10 }, { layers: layers.map(({ da }) => da), store })
    const da = open()
    return {
      da,
      restart: async () => open(),
      settle: async () => {
        for (const { settle } of layers) await settle!()
      },
      close: () => da.close(),
    }
  },
})

suite('hybrid', {
  open: async () => {
    const store = memorySubject(createMemoryStore(), async () => {})
    const anchor = memorySubject(createMemoryStore(), async () => {})
    const journal = createMemoryStore()
    const open = () => createHybridDa({ store: store.da, anchor: anchor.da, journal })
    return {
      da: open(),
      restart: async () => open(),
      settle: () => anchor.da.mine(2),
      posted: anchor.posted,
      lie: store.lie,
      cutOff: store.cutOff,
      restore: store.restore,
      prune: store.prune,
      close: async () => {},
    }
  },
})

describe('ethereum', () => {
  const inbox = '0x003e30a4f0e31d8ec3b8e98957bc7fedf7f6fb56'
  const kzg = cKzg()
  let anvil: Anvil
  beforeAll(async () => {
    anvil = await startAnvil(['--hardfork', 'osaka'])
  })
  afterAll(() => anvil?.close())

  for (const kind of ['calldata', 'blobs'] as const) {
    suite(`ethereum-${kind}`, {
      timeoutMs: 60_000,
      cutOffMs: 300,
      maxBytes: 130_672,
      open: async () => {
        const key = generatePrivateKey()
        const account = privateKeyToAccount(key)
        await anvil.rpc('anvil_setBalance', [account.address, '0x56bc75e2d63100000'])
        let down = false
        let lost = false
        let lie: ((data: Uint8Array) => Uint8Array) | undefined
        const client: EthereumClient = {
          async request(request) {
            if (down) throw new Error('connect ECONNREFUSED https://user:secret-of-the-url@host/secret-of-the-path')
            const result = await anvil.rpc(request.method, request.params as unknown[])
            if (lost && request.method === 'eth_sendRawTransaction') {
              lost = false
              throw new Error('socket hang up')
            }
            if (lie !== undefined && request.method === 'eth_getTransactionByHash') {
              const found = result as { input: string }
              return {
                ...found,
                input: `0x${Buffer.from(lie(Buffer.from(found.input.slice(2), 'hex'))).toString('hex')}`,
              }
            }
            return result
          },
        }
        const lyingFetch: typeof fetch = async (input, init) => {
          if (down) throw new TypeError('fetch failed')
          const response = await fetch(input, init)
          if (lie === undefined) return response
          return new Response(lie(new Uint8Array(await response.arrayBuffer())) as BodyInit, response)
        }
        const store = createMemoryStore()
        const made: Closable[] = []
        const open = (): DataAvailability => {
          const transactions = createTransactionManager({ confirmations: 1, pollMs: 20 }, { client, account, store })
          made.push(transactions)
          if (kind === 'calldata') return createCalldataDa({ inbox }, { client, transactions })
          const beacon = createBeacon({ url: anvil.url, ...anvilBeacon, fetch: lyingFetch })
          return createBlobDa({ inbox, maxBlobs: 3 }, { client, transactions, kzg, beacons: [beacon] })
        }
        return {
          da: open(),
          restart: async () => {
            await made.pop()!.close()
            return open()
          },
          settle: () => anvil.mine(4),
          posted: () => anvil.client.getTransactionCount({ address: account.address }),
          cutOff: async () => {
            down = true
          },
          restore: async () => {
            down = false
          },
          lie: change => {
            lie = change
          },
          loseAnswer: () => {
            lost = true
          },
          reorg: async () => void (await anvil.rpc('anvil_reorg', [1, []])),
          secrets: [key, key.slice(2), 'secret-of-the-url', 'secret-of-the-path'],
          close: async () => {
            for (const item of made) await item.close()
          },
        }
      },
    })
  }
})
