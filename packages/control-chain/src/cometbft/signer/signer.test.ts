import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom, testSeed } from '@l2/common/testing'
import { createMemoryGuard, type SigningGuard } from '@l2/sequencer-core/block'
import { openFileGuard } from '@l2/sequencer-core/node'
import { ed25519 } from '@noble/curves/ed25519.js'
import { BinaryReader, BinaryWriter } from 'cosmjs-types/binary'
import { Proposal, Vote } from 'cosmjs-types/tendermint/types/types'
import { afterAll, describe, expect, it } from 'vitest'
import { extensionSignBytes } from '../extended-commit.js'
import { createCometKey } from '../keys.js'
import { proposalSignBytes, readRequest, type SignerRequest, voteSignBytes } from './messages.js'
import { answerRequest, cometGuardSigner, serveCometSigner } from './signer.js'

const folder = mkdtempSync(join(tmpdir(), 'signer-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const chainId = 'control-901'
const { publicKey, secret } = createCometKey()
const counted = () => {
  const key = {
    publicKey,
    signed: 0,
    sign: async (message: Uint8Array) => {
      key.signed++
      return ed25519.sign(message, secret)
    },
  }
  return key
}
const block = (n: number) => ({
  hash: new Uint8Array(32).fill(n),
  partSetHeader: { total: 1, hash: new Uint8Array(32).fill(n + 1) },
})
const nil = { hash: new Uint8Array(), partSetHeader: { total: 0, hash: new Uint8Array() } }
const vote = (change: Partial<Vote> = {}): Vote => ({
  type: 2,
  height: 5n,
  round: 0,
  blockId: block(1),
  timestamp: { seconds: 1_700_000_000n, nanos: 7 },
  validatorAddress: new Uint8Array(20).fill(9),
  validatorIndex: 3,
  signature: new Uint8Array(),
  extension: Uint8Array.of(1, 2, 3),
  extensionSignature: new Uint8Array(),
  ...change,
})
const proposal = (change: Partial<Proposal> = {}): Proposal => ({
  type: 32,
  height: 6n,
  round: 0,
  polRound: -1,
  blockId: block(4),
  timestamp: { seconds: 1_700_000_001n, nanos: 0 },
  signature: new Uint8Array(),
  ...change,
})
const ask = (request: SignerRequest, guard: SigningGuard, key = counted()) =>
  answerRequest(request, chainId, { key, guard })
const askVote = async (change: Partial<Vote>, guard: SigningGuard, key = counted()) => {
  const answer = await ask({ type: 'vote', vote: vote(change), chainId }, guard, key)
  return answer.type === 'vote' ? answer.vote : answer
}

describe('what the signer answers', () => {
  it('is a vote that the engine can check, its extension beside it', async () => {
    const signed = (await askVote({}, createMemoryGuard())) as Vote
    expect(ed25519.verify(signed.signature, voteSignBytes(vote(), chainId), publicKey)).toBe(true)
    const extension = extensionSignBytes({ extension: signed.extension, height: 5n, round: 0, chainId })
    expect(ed25519.verify(signed.extensionSignature, extension, publicKey)).toBe(true)
    const prevote = (await askVote({ type: 1, extension: new Uint8Array() }, createMemoryGuard())) as Vote
    expect(prevote.extensionSignature).toHaveLength(0)
  })

  it('is the same signature for the same vote at another time, also after a restart', async () => {
    const path = join(folder, 'repeat.guard')
    const open = () => openFileGuard({ path, signer: cometGuardSigner(publicKey), chainId: 901n, seen: [] })
    const first = await open()
    const signed = (await askVote({}, first)) as Vote
    await first.close()
    await using second = await open()
    const later = { timestamp: { seconds: 1_700_000_099n, nanos: 1 }, extension: Uint8Array.of(9) }
    const again = (await askVote(later, second)) as Vote
    expect(again.timestamp).toEqual(signed.timestamp)
    expect(again.signature).toEqual(signed.signature)
    // Another extension is no fault, and has a signature of its own.
    const extension = extensionSignBytes({ extension: Uint8Array.of(9), height: 5n, round: 0, chainId })
    expect(ed25519.verify(again.extensionSignature, extension, publicKey)).toBe(true)
    expect(await askVote({ blockId: block(2) }, second)).toMatchObject({ type: 'refused' })
  })

  it('is no for everything that the engine counts as a double vote, and for steps that are over', async () => {
    const guard = createMemoryGuard()
    const key = counted()
    await askVote({}, guard, key)
    const signed = key.signed
    for (const change of [
      { blockId: block(2) },
      { blockId: nil, extension: new Uint8Array() },
      { type: 1, extension: new Uint8Array() },
      { height: 4n },
    ]) {
      expect(await askVote(change, guard, key)).toMatchObject({ type: 'refused', request: 'vote' })
    }
    expect(key.signed).toBe(signed)
    expect(await askVote({ round: 1 }, guard, key)).toHaveProperty('signature')
    const late = await ask({ type: 'proposal', proposal: proposal({ height: 5n }), chainId }, guard, key)
    expect(late).toMatchObject({ type: 'refused', request: 'proposal' })
  })

  it('is a proposal once at a place', async () => {
    const guard = createMemoryGuard()
    const answer = await ask({ type: 'proposal', proposal: proposal(), chainId }, guard)
    const signed = answer.type === 'proposal' ? answer.proposal : undefined
    expect(ed25519.verify(signed!.signature, proposalSignBytes(proposal(), chainId), publicKey)).toBe(true)
    const other = await ask({ type: 'proposal', proposal: proposal({ blockId: block(7) }), chainId }, guard)
    expect(other.type).toBe('refused')
  })

  it('is no for another chain, for what no engine asks, and without a guard that answers', async () => {
    const key = counted()
    const guard = createMemoryGuard()
    expect(await ask({ type: 'vote', vote: vote(), chainId: 'other' }, guard, key)).toMatchObject({ type: 'refused' })
    for (const change of [
      { type: 32 as Vote['type'] },
      { height: 0n },
      { round: -1 },
      { timestamp: undefined },
      { type: 1 as Vote['type'] },
    ]) {
      expect(await askVote(change as Partial<Vote>, guard, key)).toMatchObject({ type: 'refused' })
    }
    const away = { ...guard, reserve: () => Promise.reject(new Error('the database is away')) } as SigningGuard
    expect(await askVote({}, away, key)).toMatchObject({ type: 'refused' })
    expect(key.signed).toBe(0)
    const liar = { ...key, sign: async () => new Uint8Array(64).fill(1) }
    expect(await askVote({}, guard, liar)).toMatchObject({ type: 'refused' })
  })

  it('is read out of no bytes that are no request', () => {
    const random = seededRandom(testSeed(31))
    for (let round = 0; round < 2_000; round++) {
      const request = readRequest(random.bytes(random.below(300)))
      if (request !== undefined) expect(['publicKey', 'vote', 'proposal', 'ping']).toContain(request.type)
    }
  })
})

describe('serveCometSigner', () => {
  const requestBytes = (number: number, body: Uint8Array, name: string): Uint8Array => {
    const isKey = number === 1
    const inner = BinaryWriter.create()
    if (!isKey && number !== 7) inner.uint32(10).bytes(body)
    if (number !== 7) inner.uint32(isKey ? 10 : 18).string(name)
    const outer = BinaryWriter.create()
      .uint32((number << 3) | 2)
      .bytes(inner.finish())
      .finish()
    return Buffer.concat([BinaryWriter.create().uint32(outer.length).finish(), outer])
  }

  /** An engine that waits for its signer, as far as the connection goes. */
  async function openEngine(path: string) {
    const sockets: Socket[] = []
    const server: Server = createServer(socket => sockets.push(socket))
    await new Promise<void>(resolve => server.listen(path, resolve))
    return {
      sockets,
      ask: async (bytes: Uint8Array): Promise<number> => {
        const socket = sockets.at(-1)!
        const answered = new Promise<Buffer>((resolve, reject) => {
          socket.once('data', resolve)
          socket.once('close', () => reject(new Error('closed')))
        })
        socket.write(bytes)
        const answer = new BinaryReader((await answered) as Uint8Array)
        answer.uint32()
        return answer.uint32() >>> 3
      },
      close: () =>
        new Promise<void>(resolve => {
          for (const socket of sockets) socket.destroy()
          server.close(() => resolve())
        }),
    }
  }

  it('comes to an engine that listens later, answers, and comes back when the engine does', async () => {
    const path = join(folder, 's1.sock')
    await using signer = serveCometSigner(
      { address: `unix://${path}`, controlChainId: chainId },
      { key: counted(), guard: createMemoryGuard() },
    )
    expect(signer.isConnected).toBe(false)
    for (let start = 0; start < 2; start++) {
      const engine = await openEngine(path)
      await expect.poll(() => signer.isConnected && engine.sockets.length).toBe(1)
      expect(await engine.ask(requestBytes(1, new Uint8Array(), chainId))).toBe(2)
      expect(await engine.ask(requestBytes(3, Vote.encode(vote()).finish(), chainId))).toBe(4)
      expect(await engine.ask(requestBytes(5, Proposal.encode(proposal()).finish(), chainId))).toBe(6)
      expect(await engine.ask(requestBytes(7, new Uint8Array(), chainId))).toBe(8)
      await engine.close()
      await expect.poll(() => signer.isConnected).toBe(false)
    }
  })

  it('hangs up on what is no request, without a word that helps', async () => {
    const path = join(folder, 's2.sock')
    const faults: string[] = []
    const engine = await openEngine(path)
    await using signer = serveCometSigner(
      { address: `unix://${path}`, controlChainId: chainId },
      { key: counted(), guard: createMemoryGuard(), onFault: fault => faults.push(fault) },
    )
    await expect.poll(() => signer.isConnected && engine.sockets.length).toBe(1)
    await expect(engine.ask(Uint8Array.of(255, 255, 255, 255))).rejects.toThrow('closed')
    await expect.poll(() => engine.sockets.length).toBe(2)
    await expect(engine.ask(Uint8Array.of(2, 8, 1))).rejects.toThrow('closed')
    expect(faults).toContain('the engine sent what is no request')
    await engine.close()
  })

  it('goes to no other machine', () => {
    for (const address of ['tcp://10.0.0.1:1', 'tcp://example.org:26659', 'unix://relative', '127.0.0.1:1']) {
      expect(() =>
        serveCometSigner({ address, controlChainId: chainId }, { key: counted(), guard: createMemoryGuard() }),
      ).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    }
  })
})
