// Runs in the page of browser.test.ts.
import type { PayloadAttributes } from '@l2/sequencer-core/engine'
import { bytesToHex, type Hash, type Hex, hexToBytes } from 'viem'
import { createOpEngine, type OpEngineOptions } from '../src/browser/index.js'

/** A block of the run as it travels to the page: JSON has neither bytes nor large numbers. */
export type WireBlock = { parent: Hash; attributes: Record<string, unknown>; transactions: Hex[] }

const zeroHash: Hash = `0x${'00'.repeat(32)}`
const options = (store: OpEngineOptions['store'], genesis: string): OpEngineOptions => ({
  genesis,
  store,
  wasmUrl: '/op-engine.wasm',
  createWorker: name => new Worker('/worker.js', { type: 'module', name }),
})

/** Executes blocks of a run and makes each the head. */
async function run(store: OpEngineOptions['store'], genesis: string, blocks: readonly WireBlock[]) {
  const engine = await createOpEngine(options(store, genesis))
  try {
    for (const { parent, attributes, transactions } of blocks) {
      const { timestamp, gasLimit, minBaseFee, ...rest } = attributes as Record<string, string>
      const given = {
        ...rest,
        timestamp: BigInt(timestamp!),
        gasLimit: BigInt(gasLimit!),
        minBaseFee: BigInt(minBaseFee!),
        withdrawals: [],
        noTxPool: true,
        transactions: transactions.map(raw => hexToBytes(raw)),
      } as unknown as PayloadAttributes
      const block = await engine.build(parent, given)
      await engine.setHead({ head: block.hash, safe: zeroHash, finalized: zeroHash })
    }
    const head = (await engine.block('latest'))!
    const reader = engine.reader()
    const read = await reader.request({ method: 'eth_getBlockByNumber', params: ['0x1', false] }).catch(error => error)
    return {
      number: Number(head.number),
      hash: head.hash,
      stateRoot: head.stateRoot,
      first: read.result?.hash ?? read.code,
      last: bytesToHex(head.transactions.at(-1) ?? new Uint8Array()),
    }
  } finally {
    await engine.close()
  }
}

/** Opens a store that is open. */
async function twice(store: OpEngineOptions['store'], genesis: string): Promise<string> {
  const engine = await createOpEngine(options(store, genesis))
  try {
    await (await createOpEngine(options(store, genesis))).close()
    return 'both are open'
  } catch (error) {
    return (error as { code: string }).code
  } finally {
    await engine.close()
  }
}

Object.assign(globalThis, { run, twice, isolated: crossOriginIsolated })
