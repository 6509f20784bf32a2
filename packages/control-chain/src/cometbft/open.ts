import { rmSync } from 'node:fs'
import type { ControlChain, ControlChainDependencies, FoldedBlock } from '../chain/control-chain.js'
import { ControlChainError, refuse } from '../errors.js'
import { membersOf, totalPower } from '../fold/state.js'
import { serveAbci } from './abci-server.js'
import { createControlApplication } from './application.js'
import {
  type CometJoin,
  type CometNetwork,
  type CometTimes,
  cometSockets,
  defaultCometTimes,
  writeCometConfig,
} from './home.js'
import type { ControlApplicationOptions } from './machine.js'
import { runComet } from './process.js'
import { findCometBft } from './program.js'
import { cometCall } from './rpc.js'

export type CometOptions = ControlApplicationOptions & {
  /** The engine's home, with its keys ({@link writeCometKeys}); configuration and genesis are written at every start. */
  home: string
  /** The program. Default: what {@link findCometBft} finds. */
  binary?: string | undefined
  /** Of the engine's genesis, seconds since the Unix epoch. The same on every operator. */
  genesisTimeSeconds: bigint
  network: CometNetwork
  /** For a home without blocks, on a chain that has many. */
  join?: CometJoin | undefined
  times?: Partial<CometTimes> | undefined
  /** Where the engine waits for the operator's own signer to come: `tcp://127.0.0.1:1234`. Default: it has the key itself. */
  signerAddress?: string | undefined
}

/** From a transaction to the engine's word on it. */
const submitMs = 5000

/**
 * The control chain on CometBFT 0.38: its program is run and kept running over its home, and the fold is its application over
 * a Unix socket.
 *
 * @throws ControlChainError `ENGINE_MISSING`, `CONFIG_INVALID`, `SNAPSHOT_INVALID`
 */
export async function openCometBft(
  options: CometOptions,
  dependencies: ControlChainDependencies & {
    /** Told of every exception that the application answered the engine with, and of what came that is no request. */
    onFault?: ((reason: string) => void) | undefined
  },
): Promise<ControlChain> {
  const binary = findCometBft(options.binary)
  const { home, controlChainId, genesisTimeSeconds, operators, network, signerAddress, join } = options
  const sockets = cometSockets(home)
  const times = { ...defaultCometTimes, ...options.times }
  writeCometConfig(home, {
    genesis: { controlChainId, genesisTimeSeconds, operators },
    network,
    times,
    signerAddress,
    join,
  })
  let lastMs = performance.now()
  let last: FoldedBlock | undefined
  let lastFault: string | undefined
  const application = createControlApplication(options, {
    ...dependencies,
    onBlock: ordered => {
      last = ordered
      lastMs = performance.now()
      lastFault = undefined
      dependencies.onBlock?.(ordered)
    },
  })
  // What a process left that was killed.
  for (const path of Object.values(sockets)) rmSync(path, { force: true })
  const server = await serveAbci(sockets.abci, application.abci, reason => {
    lastFault = reason
    dependencies.onFault?.(reason)
  })
  const engine = runComet(binary, home, signerAddress)
  let closed: Promise<void> | undefined
  const end = async (): Promise<void> => {
    await engine.close()
    await server.close()
  }
  const close = (): Promise<void> => (closed ??= end())

  return {
    type: 'cometbft',
    get status() {
      const state = application.state()
      const members = last?.members ?? membersOf(state)
      const present = last?.block.lists.map(({ operator }) => operator).sort((a, b) => a - b) ?? []
      const total = totalPower(members)
      return {
        height: state.height,
        sinceBlockMs: performance.now() - lastMs,
        quorum: { present, power: totalPower(members.filter(({ id }) => present.includes(id))), total },
        toleratedPower: (total - 1n) / 3n,
        waiting: engine.down ?? lastFault,
      }
    },
    state: application.state,
    failed: engine.failed,
    async submit(transaction, { signal } = {}) {
      if (closed !== undefined) refuse('CHAIN_UNAVAILABLE', 'the control chain is closed')
      const reason = application.refusal(transaction)
      if (reason !== undefined) refuse('TRANSACTION_REFUSED', `the transaction is refused: ${reason}`, { reason })
      const timeout = AbortSignal.timeout(submitMs)
      const until = signal === undefined ? timeout : AbortSignal.any([signal, timeout])
      const tx = Buffer.from(transaction).toString('base64')
      type Answer = { code: number; log: string }
      const { code, log } = await cometCall<Answer>(sockets.rpc, 'broadcast_tx_sync', { tx }, until).catch(cause => {
        if (signal?.aborted === true) throw signal.reason
        const { message } = cause as Error
        if (/tx already exists in cache/.test(message)) return { code: 0, log: '' }
        throw new ControlChainError(`CometBFT does not take transactions: ${message}`, {
          code: 'CHAIN_UNAVAILABLE',
          recovery: 'retry',
          cause,
        })
      })
      if (code !== 0) refuse('TRANSACTION_REFUSED', `the transaction is refused: ${log}`, { reason: log })
    },
    snapshot: application.snapshot,
    close,
    [Symbol.asyncDispose]: close,
  }
}
