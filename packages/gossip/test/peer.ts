// An operator's gossip as a program of its own: takes every header, pulls every payload, and tells the process that started it.
import { createHash } from 'node:crypto'
import { Socket } from 'node:net'
import type { GossipMember } from '@l2/gossip'
import { createLibp2pGossip } from '@l2/gossip/libp2p'
import { idOf, testBlock, testDomain } from '../src/testing/blocks.js'

export type PeerCommand =
  | { type: 'members'; members: GossipMember[] }
  | { type: 'publish'; height: number; bytes: number }
  | { type: 'forward'; operator: number; count: number }
  | { type: 'status' }

export type PeerReport =
  | { type: 'listening'; address: string }
  | { type: 'heard'; height: number; bytes: number; isRight: boolean; atMs: number }
  | { type: 'missed'; height: number; error: string }
  | { type: 'published'; height: number; atMs: number }
  | { type: 'forwarded'; taken: number }
  | {
      type: 'status'
      connected: string[]
      rssBytes: number
      /** Written to all sockets, encrypted. */
      wireBytes: number
      faults: number
      traffic: { bytesSent: number; bytesReceived: number; headersDropped: number }
    }

/** What this program has written to the sockets that it has open. */
function wireBytes(): number {
  const handles = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles()
  const sockets = handles.filter(
    (handle): handle is Socket => handle instanceof Socket && handle.remotePort !== undefined,
  )
  return sockets.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0)
}

const say = (report: PeerReport): void => void process.send?.(report)
const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const nowMs = (): number => performance.timeOrigin + performance.now()

const secret = new Uint8Array(32).fill(Number(process.argv[2]))
const gossip = await createLibp2pGossip(
  { domain: testDomain, members: [], listen: [process.argv[3]!] },
  { networkKey: secret, source: { block: async () => undefined, range: async () => [] } },
)
gossip.subscribe(received => {
  void gossip.payload(received).then(
    payload => {
      const atMs = nowMs()
      const { height } = received.header
      const block = testBlock(height, { bytes: payload.length })
      const isRight = received.id === idOf(block) && hash(payload) === hash(block.payload)
      say({ type: 'heard', height: Number(height), bytes: payload.length, isRight, atMs })
    },
    error => say({ type: 'missed', height: Number(received.header.height), error: String(error) }),
  )
  return 'accept'
})
gossip.receive(() => ({ type: 'taken' }))

async function obey(command: PeerCommand): Promise<void> {
  switch (command.type) {
    case 'members':
      return gossip.setMembers(command.members)
    case 'publish': {
      const block = testBlock(BigInt(command.height), { bytes: command.bytes })
      const atMs = nowMs()
      await gossip.publish(block)
      return say({ type: 'published', height: command.height, atMs })
    }
    case 'forward': {
      const transactions = Array.from({ length: command.count }, (_, index) => Uint8Array.of(index & 255, 1))
      const answers = await gossip.forward(command.operator, transactions)
      return say({ type: 'forwarded', taken: answers.filter(({ type }) => type === 'taken').length })
    }
    case 'status': {
      const { peers, traffic } = gossip.status()
      const connected = peers.filter(({ isConnected }) => isConnected).map(({ key }) => key)
      const faults = peers.reduce((sum, peer) => sum + Object.values(peer.faults).reduce((a, b) => a + b, 0), 0)
      return say({
        type: 'status',
        connected,
        rssBytes: process.memoryUsage.rss(),
        wireBytes: wireBytes(),
        faults,
        traffic,
      })
    }
  }
}

process.on('message', (command: PeerCommand) => void obey(command))
process.on('disconnect', () => process.exit(0))
say({ type: 'listening', address: gossip.addresses()[0]!.replace(/\/p2p\/.*$/, '') })
