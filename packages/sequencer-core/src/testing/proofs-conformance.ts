import { bytesToHex, hexToBytes } from '@l2/common'
import type { Address, Hash, Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { keccak } from '../derivation/words.js'
import type { ExecutedBlock, ExecutionEngine, PayloadAttributes } from '../engine/engine.js'
import { createOutputSource, hashOutputRootProof } from '../output/output-root.js'
import { createStateProofs, messagePasser, type StateProofsDependencies } from '../output/state-proofs.js'
import { type ConformanceCase, expectCode, expectEqual, expectTrue } from './conformance.js'
import { attributesAfter } from './engine-conformance.js'

/**
 * In place of the message passer of a genesis: stores at the slot of its first 32 bytes of calldata what the next 32 are (PUSH1 32, CALLDATALOAD, PUSH0,
 * CALLDATALOAD, SSTORE).
 */
export const storingContract: Hex = '0x6020355f3555'

/** A fresh engine at a genesis whose message passer is {@link storingContract}, on which nothing was built. */
export type ProofsHarness = {
  readonly engine: ExecutionEngine
  /** The engine's JSON-RPC. */
  readonly request: StateProofsDependencies['request']
  readonly chainId: bigint
  /** Of an account with ether. */
  readonly key: Hex
  /** As {@link EngineHarness} has them. */
  readonly attributes?: Partial<PayloadAttributes> | undefined
  /** Whether headers tell the message passer's storage root. */
  readonly headerTells: boolean
  close(): Promise<void>
}

const zeroHash: Hash = `0x${'00'.repeat(32)}`
const nobody: Address = '0x00000000000000000000000000000000000000ee'
const word = (value: number): Hash => `0x${value.toString(16).padStart(64, '0')}`

/** What {@link createStateProofs} must do over an engine. */
export function proofsConformance(create: () => Promise<ProofsHarness>): ConformanceCase[] {
  const scene = async (heights: number) => {
    const harness = await create()
    const { engine, chainId, key, attributes: overrides = {} } = harness
    const { transactions: front = [], ...rest } = overrides
    const account = privateKeyToAccount(key)
    const blocks: ExecutedBlock[] = [(await engine.block('latest'))!]
    for (let height = 1; height <= heights; height++) {
      const parent = blocks.at(-1)!
      // Every block sets slot 0, and one more of its own.
      const writes = [0, 1000 + height].map(async (slot, index) => {
        const nonce = 2 * (height - 1) + index
        const fees = { maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 1n }
        const data: Hex = `${word(slot)}${word(height).slice(2)}`
        const call = { chainId: Number(chainId), nonce, gas: 100_000n, to: messagePasser, data, ...fees }
        return hexToBytes(await account.signTransaction({ type: 'eip1559', ...call }))!
      })
      const list = [...front, ...(await Promise.all(writes))]
      const block = await engine.build(parent.hash, attributesAfter(parent, list, rest))
      await engine.setHead({ head: block.hash, safe: zeroHash, finalized: zeroHash })
      blocks.push(block)
    }
    const proofs = createStateProofs({ name: engine.name }, harness)
    return { ...harness, account, blocks, proofs }
  }
  const run = (heights: number, check: (on: Awaited<ReturnType<typeof scene>>) => Promise<void>) => async () => {
    const on = await scene(heights)
    try {
      await check(on)
    } finally {
      await on.close()
    }
  }
  return [
    {
      name: 'proves of every block what its state held, and what it did not hold',
      run: run(9, async ({ blocks, proofs, account }) => {
        for (const block of blocks.slice(1)) {
          const height = Number(block.number)
          const slots = [word(0), ...blocks.slice(1).map(({ number }) => word(1000 + Number(number)))]
          const proof = await proofs.proof(messagePasser, slots, block)
          const expected = [
            height,
            ...blocks.slice(1).map(({ number }) => (number <= block.number ? Number(number) : 0)),
          ]
          for (const [index, value] of expected.entries()) {
            expectEqual(proof.storage[index]!.value, BigInt(value), `slot ${index} at block ${height}`)
          }
          const sender = await proofs.proof(account.address, [], block)
          expectEqual(sender.nonce, BigInt(2 * height), `nonce at block ${height}`)
          const absent = await proofs.proof(nobody, [word(1)], block)
          expectEqual(absent.balanceWei, 0n, 'balance of an account that is not there')
          expectEqual(absent.storage[0]!.value, 0n, 'its slot')
        }
      }),
    },
    {
      name: 'makes outputs of storage roots, which a header that tells them confirms',
      run: run(3, async ({ engine, blocks, proofs, headerTells }) => {
        const roots = new Set<Hash>()
        const outputs = createOutputSource({ headerTells: () => headerTells }, { engine, proofs })
        for (const block of blocks.slice(1)) {
          const output = await outputs.at(block.number)
          expectTrue(output !== undefined, `an output of block ${block.number}`)
          const { storageHash } = await proofs.proof(messagePasser, [], block)
          expectEqual(output.proof.messagePasserStorageRoot, storageHash, 'storage root')
          expectEqual(output.proof.stateRoot, block.stateRoot, 'state root')
          expectEqual(output.proof.latestBlockhash, block.hash, 'block hash')
          expectEqual(output.root, hashOutputRootProof(output.proof), 'output root')
          if (headerTells) expectEqual(block.withdrawalsRoot, storageHash, "the header's withdrawals root")
          roots.add(storageHash)
        }
        expectEqual(roots.size, 3, 'different storage roots')
        expectEqual(await outputs.at(99n), undefined, 'the output of a block that is not there')
        const liar = {
          block: async (id: Hash | bigint | 'latest') => ({ ...(await engine.block(id))!, withdrawalsRoot: word(7) }),
        }
        await expectCode(
          createOutputSource({ headerTells: () => true }, { engine: liar, proofs }).at(1n),
          'PROOF_INVALID',
        )
      }),
    },
    {
      name: 'believes no answer that was changed anywhere',
      run: run(4, async ({ engine, blocks, request }) => {
        const block = blocks[3]!
        const slots = [word(0), word(1001), word(5)]
        const honest = (await request({
          method: 'eth_getProof',
          params: [messagePasser, slots, { blockHash: block.hash }],
        })) as Record<string, unknown>
        const changes = [...changed(honest)]
        expectTrue(changes.length > 10, 'there is something to change')
        for (const { path, answer } of changes) {
          const proofs = createStateProofs({ name: engine.name }, { request: async () => answer })
          const outcome = await proofs.proof(messagePasser, slots, block).then(
            () => 'believed',
            error => String((error as { code?: unknown }).code),
          )
          expectTrue(['PROOF_INVALID', 'RLP_INVALID'].includes(outcome), `${path} was changed and ${outcome}`)
        }
      }),
    },
    {
      name: 'has no proof of a block that the engine does not know',
      run: run(1, async ({ proofs, blocks }) => {
        const unknown = { ...blocks[1]!, hash: keccak(Uint8Array.of(1)) }
        await expectCode(proofs.proof(messagePasser, [], unknown), 'PROOFS_UNAVAILABLE')
      }),
    },
    {
      name: 'finds out how far back states are kept',
      run: run(12, async ({ engine, request }) => {
        const of = (depthBlocks: bigint) => createStateProofs({ name: engine.name, depthBlocks }, { request })
        const whole = await of(10n).probe()
        expectEqual(whole.oldest, 2n, 'oldest block')
        expectEqual(whole.isWhole, true, 'whole depth')
        const young = await of(50n).probe()
        expectEqual(young.oldest, 0n, 'oldest block of a young chain')
        expectEqual(young.isWhole, false, 'whole depth of a young chain')
      }),
    },
  ]
}

/** An answer with one byte of one of its values changed, or one of its lists cut or grown, for every place there is. */
function* changed(value: unknown, path = ''): Generator<{ path: string; answer: unknown }> {
  if (typeof value === 'string') {
    const bytes = hexToBytes(value as Hex)
    if (bytes === undefined || bytes.length === 0) {
      yield { path, answer: `0x${(BigInt(value) + 1n).toString(16)}` }
      return
    }
    for (const at of new Set([0, bytes.length >> 1, bytes.length - 1])) {
      const other = Uint8Array.from(bytes)
      other[at]! ^= 1
      yield { path: `${path}[${at}]`, answer: bytesToHex(other) }
    }
    return
  }
  if (Array.isArray(value)) {
    if (value.length > 0) yield { path: `${path} cut`, answer: value.slice(0, -1) }
    if (value.length > 0) yield { path: `${path} grown`, answer: [...value, value[0]] }
    for (const [index, item] of value.entries()) {
      for (const { path: at, answer } of changed(item, `${path}[${index}]`)) {
        yield { path: at, answer: value.map((old, place) => (place === index ? answer : old)) }
      }
    }
    return
  }
  if (typeof value !== 'object' || value === null) return
  for (const [key, item] of Object.entries(value)) {
    for (const { path: at, answer } of changed(item, `${path}.${key}`))
      yield { path: at, answer: { ...value, [key]: answer } }
  }
}
