import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleProgram } from '@l2/common/testing'
import type { GossipMember } from '@l2/gossip'
import { networkKeyOf } from '@l2/gossip/libp2p'
import type { PeerCommand, PeerReport } from './peer.js'

type Of<T extends PeerReport['type']> = Extract<PeerReport, { type: T }>

/** A program that runs a gossip. */
export type PeerProcess = {
  readonly child: ChildProcess
  readonly reports: PeerReport[]
  readonly address: string
  tell(command: PeerCommand): void
  /** The next report of a kind that the command leads to. */
  ask<T extends PeerReport['type']>(command: PeerCommand, type: T): Promise<Of<T>>
  /** Heights that it has heard, with their payloads. */
  heard(): number[]
  stop(): Promise<void>
}

async function startPeer(program: string, seed: number, listen: string): Promise<PeerProcess> {
  const child = spawn(process.execPath, [program, String(seed), listen], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const reports: PeerReport[] = []
  const waiting: { type: string; resolve(report: PeerReport): void }[] = []
  child.on('message', (report: PeerReport) => {
    reports.push(report)
    const index = waiting.findIndex(({ type }) => type === report.type)
    if (index >= 0) waiting.splice(index, 1)[0]!.resolve(report)
  })
  const next = (type: string): Promise<PeerReport> => new Promise(resolve => waiting.push({ type, resolve }))
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  const failed = ended.then(() => Promise.reject(new Error(`peer ${seed} has ended`)))
  failed.catch(() => {})
  const { address } = (await Promise.race([next('listening'), failed])) as Of<'listening'>
  return {
    child,
    reports,
    address,
    tell: command => void child.send(command),
    async ask(command, type) {
      const answer = next(type)
      child.send(command)
      return (await Promise.race([answer, failed])) as never
    },
    heard: () => reports.flatMap(report => (report.type === 'heard' && report.isRight ? [report.height] : [])),
    async stop() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** One of its own for each, where the system has more than one: nobody else takes its port while it is started again. */
const addressOf = (seed: number): string => (process.platform === 'linux' ? `127.0.1.${seed}` : '127.0.0.1')

/** Operators 1 … n as programs on this machine, each of which knows all. */
export async function startPeers(count: number): Promise<{
  peers: PeerProcess[]
  members: GossipMember[]
  restart(index: number): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}> {
  const folder = mkdtempSync(join(tmpdir(), 'l2-gossip-'))
  const peers: PeerProcess[] = []
  const members: GossipMember[] = []
  const close = async (): Promise<void> => {
    await Promise.all(peers.map(peer => peer.stop()))
    rmSync(folder, { recursive: true, force: true })
  }
  let program: string
  try {
    program = await bundleProgram(fileURLToPath(new URL('./peer.ts', import.meta.url)), folder)
    for (let seed = 1; seed <= count; seed++) {
      const peer = await startPeer(program, seed, `/ip4/${addressOf(seed)}/tcp/0`)
      peers.push(peer)
      const key = await networkKeyOf(new Uint8Array(32).fill(seed))
      members.push({ key, operator: seed, addresses: [peer.address] })
    }
    for (const peer of peers) peer.tell({ type: 'members', members })
  } catch (error) {
    await close()
    throw error
  }
  return {
    peers,
    members,
    async restart(index) {
      await peers[index]!.stop()
      const peer = await startPeer(program, index + 1, peers[index]!.address)
      peers[index] = peer
      peer.tell({ type: 'members', members })
    },
    [Symbol.asyncDispose]: close,
  }
}

export async function areConnected(peers: readonly PeerProcess[]): Promise<boolean> {
  const all = await Promise.all(peers.map(peer => peer.ask({ type: 'status' }, 'status')))
  return all.every(({ connected }) => connected.length === peers.length - 1)
}

/**
 * Whether everybody hears everybody: a connection is open some time before its two ends have told each other which topics they listen to, and what is
 * published in between reaches nobody. Each publishes heights of its own, above 10,000, until all the others have heard one.
 */
export async function areHeard(peers: readonly PeerProcess[]): Promise<boolean> {
  const heardFrom = (peer: PeerProcess, index: number): boolean =>
    peer.heard().some(height => height > 10_000 && height % peers.length === index)
  for (const [index, peer] of peers.entries()) {
    const others = peers.filter(other => other !== peer)
    if (others.every(other => heardFrom(other, index))) continue
    probes += peers.length
    await peer.ask({ type: 'publish', height: 10_000 * peers.length + probes + index, bytes: 100 }, 'published')
  }
  return peers.every((peer, at) => peers.every((_, index) => at === index || heardFrom(peer, index)))
}
let probes = 0
