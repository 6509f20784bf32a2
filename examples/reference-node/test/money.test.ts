import { afterAll, expect, it } from 'vitest'
import { ask, type RunningNode, startNode, until } from './running-node.js'

let node: RunningNode | undefined
afterAll(() => node?.kill('SIGKILL'))

type Books = Record<'lockedWei' | 'heldWei' | 'releasedWei' | 'inFlightWei', string> & { isExact: boolean }
type Told = { settlement: { books?: Books } }

it('METIS come in and go out again while the node runs, and the books are exact', { timeout: 900_000 }, async () => {
  const running = await startNode('--demo', '--rate', '2', '--for', '60s')
  node = running
  const books = async () => ((await ask(running.url, 'l2_status')).result as unknown as Told).settlement.books
  await until(running, 'the deposit in the books', async () => Number((await books())?.releasedWei ?? 0) > 0)
  const seen = (await books())!
  expect(seen.isExact).toBe(true)
  expect(BigInt(seen.lockedWei)).toBe(BigInt(seen.releasedWei) + BigInt(seen.inFlightWei))
  const metrics = await (await fetch(`${running.url}/metrics`)).text()
  expect(metrics).toMatch(/^l2_bridge_exact 1$/m)
  expect(metrics).toMatch(/^l2_bridge_locked_wei \d/m)
  const { checks } = (await (await fetch(`${running.url}/readyz`)).json()) as { checks: Record<string, unknown> }
  expect(checks['settlement']).toEqual({ ok: true })

  const code = await running.exited
  const said = running.events
  const steps = [
    /are deposited/,
    /are withdrawn on L2/,
    /is proven on L1/,
    /is finalised/,
    /has paid the 400 METIS out/,
  ]
  const at = steps.map(step => said.findIndex(message => step.test(message)))
  expect(
    at.every(index => index >= 0),
    said.join('\n'),
  ).toBe(true)
  expect(at).toEqual([...at].sort((a, b) => a - b))
  expect(said).toContain('money: 1000 METIS deposited, 400 withdrawn, proven, finalised, paid')
  expect(said).toContain('bridge: locked 600.0000 = released 600.0000 + in flight 0 METIS, held 600.0000 METIS: exact')
  expect(code).toBe(0)
})

it('a run that is too short for it says that it is on its way', async () => {
  const running = await startNode('--demo', '--rate', '2', '--for', '1s')
  node = running
  const code = await running.exited
  expect(running.events.find(message => message.startsWith('money: '))).toMatch(/still on its way, next: \w+$/)
  expect(code).toBe(0)
})
