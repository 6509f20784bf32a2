import { type Address, toFunctionSelector } from 'viem'
import { expect, it } from 'vitest'
import { createSystemConfigTurn, type SystemConfigTurnDependencies } from './turn.js'

const [ours, theirs]: Address[] = [`0x${'aa'.repeat(20)}`, `0x${'bb'.repeat(20)}`]
const systemConfig: Address = `0x${'c1'.repeat(20)}`
const wordOf = (address: Address): string => `0x${'00'.repeat(12)}${address.slice(2)}`

/** At block 16, with what `batcherHash` answers at a height. */
function setup(answer: (height: number) => unknown, derived?: { l1Number: bigint; batcher: Address }) {
  const asked: unknown[] = []
  const client: SystemConfigTurnDependencies['client'] = {
    async request({ method, params }) {
      if (method === 'eth_blockNumber') return '0x10'
      asked.push(params[0])
      return answer(Number(params[1]))
    },
  }
  const turn = (confirmations?: bigint) =>
    createSystemConfigTurn(
      { account: ours!, systemConfig, confirmations },
      { client, derived: derived === undefined ? undefined : () => derived },
    ).isOurs()
  return { turn, asked }
}

it('reads the batcher hash of the contract', async () => {
  const { turn, asked } = setup(() => wordOf(ours!))
  expect(await turn()).toBe(true)
  expect(asked).toEqual([{ to: systemConfig, data: toFunctionSelector('batcherHash()') }])
  expect(await setup(() => wordOf(theirs!)).turn()).toBe(false)
  // A hash of another kind is nobody's.
  expect(await setup(() => `0x01${'00'.repeat(11)}${ours!.slice(2)}`).turn()).toBe(false)
})

it('takes a turn up when it has stood for the confirmations, and gives it up at once', async () => {
  const since = (block: number) => setup(height => wordOf(height >= block ? ours! : theirs!))
  expect([await since(16).turn(), await since(16).turn(2n), await since(14).turn(2n)]).toEqual([true, false, true])
  expect(await setup(height => wordOf(height >= 16 ? theirs! : ours!)).turn(2n)).toBe(false)
  expect(await since(0).turn(100n)).toBe(true)
})

it('goes by derivation where there is no contract, and by nobody where the two differ', async () => {
  const none = () => '0x'
  expect(await setup(none, { l1Number: 3n, batcher: ours! }).turn()).toBe(true)
  expect(await setup(none, { l1Number: 3n, batcher: theirs! }).turn()).toBe(false)
  const unknown = { code: 'BATCHER_TURN_UNKNOWN', recovery: 'retry' }
  await expect(setup(none).turn()).rejects.toMatchObject(unknown)
  // What derivation has not read yet may be another's.
  expect(await setup(() => wordOf(ours!), { l1Number: 15n, batcher: theirs! }).turn()).toBe(true)
  await expect(setup(() => wordOf(ours!), { l1Number: 16n, batcher: theirs! }).turn()).rejects.toMatchObject(unknown)
})

it.each([undefined, null, 7, {}, 'no', '0x12', `0x${'00'.repeat(64)}`])('answers %s with an error', async answer => {
  await expect(setup(() => answer).turn()).rejects.toMatchObject({ code: 'BATCHER_TURN_UNKNOWN' })
})
