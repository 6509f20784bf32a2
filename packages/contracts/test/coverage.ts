import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Address, Hex } from 'viem'

type Request = (args: { method: string; params: readonly unknown[] }) => Promise<unknown>

/** Runs in anvil beside each step: of every conditional jump the way that it went, by the address whose code it is in. */
const tracer = `{
  ways: {}, jump: null, codes: [],
  here: function (log) { return this.codes.length > 0 ? this.codes[this.codes.length - 1] : 'outer' },
  enter: function (frame) {
    var type = frame.getType()
    this.codes.push(type === 'CREATE' || type === 'CREATE2' ? 'init' : toHex(frame.getTo()))
    this.jump = null
  },
  exit: function () { this.codes.pop(); this.jump = null },
  step: function (log) {
    if (this.jump !== null) {
      this.ways[this.jump + (log.getPC() === this.next ? ':0' : ':1')] = 1
      this.jump = null
    }
    if (log.op.toNumber() === 0x57) {
      this.jump = this.here(log) + ':' + log.getPC()
      this.next = log.getPC() + 1
    }
  },
  fault: function () {},
  result: function (context) { return { ways: this.ways, type: context.type, to: context.type === 'CREATE' ? '' : toHex(context.to) } }
}`

/** Notes which ways code went, for `pnpm coverage contracts`. */
export type Coverage = {
  transaction(hash: Hex): Promise<void>
  call(call: object): Promise<void>
  write(): void
}

/** `undefined` unless `L2_COVERAGE` names a folder. */
export function openCoverage(request: Request): Coverage | undefined {
  const folder = process.env['L2_COVERAGE']
  if (folder === undefined) return undefined
  const codes = new Map<Address, Hex>()
  const ways = new Map<Hex, Set<string>>()
  const take = async (answer: Promise<unknown>): Promise<void> => {
    const found = (await answer) as { ways: Record<string, 1>; type: string; to: Address }
    for (const way of Object.keys(found.ways)) {
      const [at, pc, taken] = way.split(':') as [string, string, string]
      if (at === 'init' || (at === 'outer' && found.type !== 'CALL')) continue
      const address = (at === 'outer' ? found.to : at) as Address
      if (!codes.has(address))
        codes.set(address, (await request({ method: 'eth_getCode', params: [address, 'latest'] })) as Hex)
      const code = codes.get(address)!
      if (!ways.has(code)) ways.set(code, new Set())
      ways.get(code)!.add(`${pc}:${taken}`)
    }
  }
  return {
    transaction: hash => take(request({ method: 'debug_traceTransaction', params: [hash, { tracer }] })),
    call: call => take(request({ method: 'debug_traceCall', params: [call, 'latest', { tracer }] })),
    write() {
      mkdirSync(folder, { recursive: true })
      const found = [...ways].map(([code, taken]) => ({ code, ways: [...taken] }))
      writeFileSync(join(folder, `${process.pid}-${performance.now()}.json`), JSON.stringify(found))
    },
  }
}
