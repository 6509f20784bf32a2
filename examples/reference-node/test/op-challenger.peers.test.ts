import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findOpEngine } from '@l2/node'
import { deploySettlement, devnetSettlementWindows, disputeGameFactoryAbi, faultDisputeGameAbi } from '@l2/settlement'
import { openArtifacts } from '@l2/settlement/node'
import {
  type Abi,
  type Address,
  createWalletClient,
  encodeFunctionData,
  type Hash,
  http,
  keccak256,
  numberToHex,
  parseAbi,
  publicActions,
  stringToHex,
} from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { goProgram } from '../../../scripts/go.mjs'
import { startAnvilL1 } from './anvil-l1.js'
import { ask, type RunningNode, startNode } from './running-node.js'

// The OP Stack's own challenger, which asks a node of ours what is true. Its games end in the alphabet instead of a machine, whose program cannot be had here.

const binary = process.env['L2_PEERS'] === undefined ? undefined : goProgram('op-challenger')
const { isThere } = await findOpEngine('wasm')
const isPossible = binary !== undefined && isThere
if (!isPossible)
  process.stdout.write('skipped: op-challenger as a program; pnpm test:peers op-challenger, which needs Go\n')

const alphabet = 255
const bondWei = 10n ** 16n

const output = async (node: RunningNode, number: bigint): Promise<Hash> => {
  const { result } = await ask(node.url, 'optimism_outputAtBlock', [numberToHex(number)])
  return (result as unknown as { outputRoot: Hash }).outputRoot
}

describe.skipIf(!isPossible)('op-challenger on a node of ours', () => {
  it('attacks a lie with the root that the node comes to, and lets what is true be', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'l2-op-challenger-'))
    const closers: (() => unknown)[] = [() => rmSync(directory, { recursive: true, force: true })]
    try {
      const l1 = await startAnvilL1()
      closers.push(l1.close)
      const [account, own] = [privateKeyToAccount(generatePrivateKey()), generatePrivateKey()]
      const on = { transport: http(l1.url), pollingInterval: 100 } as const
      const client = createWalletClient({ account, ...on }).extend(publicActions)
      for (const { address } of [account, privateKeyToAccount(own)]) {
        await client.request({ method: 'anvil_setBalance', params: [address, numberToHex(10n ** 22n)] } as never)
      }
      const node = await startNode('--data', directory, '--engine', 'op-engine', '--l1', l1.url)
      closers.push(() => node.kill('SIGTERM'))

      const artifacts = openArtifacts()
      const { addresses } = await deploySettlement(
        { l2ChainId: 59_900n, batcher: account.address, windows: devnetSettlementWindows },
        { client: client as never, account, artifacts },
      )
      const mined = async (hash: Hash) => {
        const receipt = await client.waitForTransactionReceipt({ hash })
        expect(receipt.status).toBe('success')
        return receipt
      }
      const create = async (name: string, args: readonly unknown[]): Promise<Address> => {
        const { abi, bytecode } = artifacts.contract(name)
        const hash = await client.deployContract({ abi, bytecode, args, chain: null } as never)
        return (await mined(hash)).contractAddress!
      }
      const send = async (address: Address, abi: Abi, functionName: string, args: readonly unknown[], value = 0n) =>
        await mined(await client.writeContract({ address, abi, functionName, args, value, chain: null } as never))

      // A registry and a game of the type that ends in the alphabet, beside those of the chain.
      const registry = await create('Proxy', [account.address])
      const { abi: registryAbi } = artifacts.contract('AnchorStateRegistry')
      const anchors = [{ gameType: alphabet, outputRoot: { root: await output(node, 0n), l2BlockNumber: 0n } }]
      const data = encodeFunctionData({ abi: registryAbi, functionName: 'initialize', args: [anchors] })
      const implementation = await create('AnchorStateRegistry', [addresses.disputeGameFactory])
      await send(registry, artifacts.contract('Proxy').abi, 'upgradeToAndCall', [implementation, data])
      const prestate = keccak256(stringToHex('no letter'))
      const machine = await create('AlphabetVM', [prestate, await create('PreimageOracle', [126_000n, 86_400n])])
      const game = await create('FaultDisputeGame', [
        ...[alphabet, prestate, 73n, 30n, 10n, 1000n],
        ...[machine, addresses.delayedWeth, registry, 59_900n],
      ])
      const factory = addresses.disputeGameFactory
      const owned = parseAbi([
        'function setImplementation(uint32 gameType, address game)',
        'function setInitBond(uint32 gameType, uint256 bond)',
      ])
      await send(factory, owned, 'setImplementation', [alphabet, game])
      await send(factory, owned, 'setInitBond', [alphabet, bondWei])

      const challenger = spawn(
        binary!,
        [
          ...['--l1-eth-rpc', l1.url, '--l1-beacon', l1.url, '--rollup-rpc', node.url, '--l2-eth-rpc', node.url],
          ...[
            '--game-factory-address',
            factory,
            '--game-types',
            'alphabet',
            '--datadir',
            join(directory, 'challenger'),
          ],
          ...['--private-key', own, '--num-confirmations', '1', '--http-poll-interval', '1s', '--max-concurrency', '1'],
          '--unsafe-allow-invalid-prestate',
        ],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      )
      let said = ''
      for (const stream of [challenger.stdout, challenger.stderr]) {
        stream.on('data', text => {
          said = (said + String(text)).slice(-20_000)
        })
      }
      const ended = new Promise(resolve => challenger.once('exit', resolve))
      closers.push(async () => {
        challenger.kill('SIGKILL')
        await ended
      })

      const safe = async (): Promise<bigint> => {
        const { result } = await ask(node.url, 'optimism_syncStatus')
        return BigInt((result as unknown as { safe_l2: { number: number } }).safe_l2.number)
      }
      const end = Date.now() + 200_000
      const until = async (holds: () => Promise<boolean>): Promise<void> => {
        while (!(await holds())) {
          if (Date.now() > end) throw new Error(`op-challenger: ${said}`)
          await new Promise(resolve => setTimeout(resolve, 500))
        }
      }
      await until(async () => (await safe()) >= 2n)
      const propose = async (root: Hash, number: bigint) => {
        const args = [alphabet, root, numberToHex(number, { size: 32 })] as const
        await send(factory, disputeGameFactoryAbi, 'create', args, bondWei)
        const find = { address: factory, abi: disputeGameFactoryAbi, functionName: 'games', args } as const
        return { address: (await client.readContract(find))[0], abi: faultDisputeGameAbi } as const
      }
      const truth = await output(node, 2n)
      const right = await propose(truth, 2n)
      const wrong = await propose(keccak256(stringToHex('a lie')), 2n)
      await until(async () => (await client.readContract({ ...wrong, functionName: 'claimDataLen' })) === 2n)
      const claim = await client.readContract({ ...wrong, functionName: 'claimData', args: [1n] })
      expect(claim[2]).toBe(privateKeyToAccount(own).address)
      expect(claim[4]).toBe(truth)
      expect(await client.readContract({ ...right, functionName: 'claimDataLen' })).toBe(1n)
    } finally {
      for (const close of closers.reverse()) await close()
    }
  }, 400_000)
})
