import { expect, it } from 'vitest'
import type { Read } from '../engine/engine.js'
import { furtherMethods } from './eth.js'

it('passes on what reads the chain, and nothing that reads files or runs programs where the engine is', async () => {
  const read = (async (method: string) => method) as Read
  const further = furtherMethods(read)
  for (const method of [
    'debug_traceBlockFromFile',
    'debug_traceBadBlock',
    'debug_setHead',
    'eth_getWork',
    'admin_peers',
  ]) {
    expect(further(method), method).toBeUndefined()
  }
  expect(further('eth_simulateV1')!([{}])).toBeInstanceOf(Promise)
  const trace = async (...params: unknown[]) => await further('debug_traceTransaction')!(params)
  const program = '{step: function() {}, fault: function() {}, result: function() { return 1 }}'
  for (const config of [
    undefined,
    {},
    { tracer: '4byteTracer' },
    { tracer: 'muxTracer', tracerConfig: { callTracer: { onlyTopCall: true } } },
  ]) {
    expect(await trace('0x01', config)).toBe('debug_traceTransaction')
  }
  for (const config of [
    { tracer: program },
    { TRACER: program },
    { tracer: 'muxTracer', tracerConfig: { [program]: {} } },
    { tracer: 'muxTracer', TracerConfig: { muxTracer: { [program]: {} } } },
  ]) {
    await expect(trace('0x01', config)).rejects.toMatchObject({ code: -32000, message: 'tracer not found' })
  }
})
