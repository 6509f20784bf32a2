import { type Abi, type Address, keccak256, parseEther, toFunctionSelector, toHex } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sequencedGameAbi, sequencedGameBytecode } from '../src/sequenced-game/index.js'
import { type At, accounts, type Chain, startAnvil } from './anvil.js'
import { disputeGames, superchainConfig } from './settlement.js'
import { stock } from './stock.js'

const [proposer, challenger] = accounts
const { abi } = stock('FaultDisputeGame')
const sequenced = { type: 'function', name: 'l2SequenceNumber', inputs: [], outputs: [{ type: 'uint256' }] }

let l1: Chain
let factory: At
beforeAll(async () => {
  l1 = await startAnvil(900)
  ;({ factory } = await disputeGames(l1, await superchainConfig(l1)))
  // The stock game of type 0 stays; that of type 1 answers to the new name, too.
  const game = (await l1.read(factory, 'gameImpls', [1])) as Address
  const wrapped = await l1.deploy({ abi: sequencedGameAbi, bytecode: sequencedGameBytecode }, [game])
  await l1.send(factory, 'setImplementation', [1, wrapped.address])
})
afterAll(() => l1?.close())

/** A game of one type about one root. */
async function propose(type: number, number: bigint): Promise<At> {
  const args = [type, keccak256(toHex('a root')), toHex(number, { size: 32 })]
  await l1.send(factory, 'create', args, { value: parseEther('0.08') })
  const [address] = (await l1.read(factory, 'games', args)) as [Address]
  return { address, abi: [...abi, { ...sequenced, stateMutability: 'view' }] as Abi }
}

describe('SequencedGame', () => {
  it('is the stock game in every answer, and has one more', async () => {
    const [ours, theirs] = [await propose(1, 7n), await propose(0, 7n)]
    expect(await l1.read(ours, 'l2SequenceNumber')).toBe(7n)
    const views = abi.filter(
      item =>
        item.type === 'function' &&
        item.inputs.length === 0 &&
        (item.stateMutability === 'view' || item.stateMutability === 'pure'),
    ) as { name: string }[]
    expect(views.length).toBeGreaterThan(20)
    // The type, and what belongs to the block of the creation.
    const own = new Set(['gameType', 'gameData', 'createdAt', 'l1Head'])
    for (const { name } of views.filter(({ name }) => !own.has(name))) {
      const of = (game: At) => l1.read(game, name).catch((error: Error) => error.name)
      expect({ [name]: await of(ours) }).toEqual({ [name]: await of(theirs) })
    }
    expect(await l1.read(ours, 'gameType')).toBe(1)
  })

  it('plays as the stock game plays: a lie that is attacked loses', async () => {
    const game = await propose(1, 8n)
    const claim = keccak256(toHex('a root'))
    const bond = (await l1.read(game, 'getRequiredBond', [2n])) as bigint
    const attack = [claim, 0n, keccak256(toHex('another'))]
    const wrong = [keccak256(toHex('not the claim')), 0n, keccak256(toHex('another'))]
    expect(await l1.refusal(game, 'attack', wrong, { from: challenger, value: bond })).toBe('InvalidDisputedClaimIndex')
    await l1.send(game, 'attack', attack, { from: challenger, value: bond })
    await l1.pass(200)
    for (const index of [1n, 0n]) await l1.send(game, 'resolveClaim', [index, 0n], { from: proposer })
    await l1.send(game, 'resolve', [], { from: proposer })
    expect(await l1.read(game, 'status')).toBe(1)
  })

  it('takes no name away from the stock game', () => {
    const names = abi.flatMap(item => (item.type === 'function' ? [toFunctionSelector(item)] : []))
    const taken = [...sequencedGameAbi, sequenced].flatMap(item =>
      item.type === 'function' ? [toFunctionSelector({ ...item, stateMutability: 'view' } as never)] : [],
    )
    expect(taken).toHaveLength(2)
    expect(names.filter(name => taken.includes(name))).toEqual([])
  })

  it('is refused over an address without code', async () => {
    const contract = { abi: sequencedGameAbi, bytecode: sequencedGameBytecode }
    await expect(l1.deploy(contract, [challenger.address])).rejects.toThrow()
  })
})
