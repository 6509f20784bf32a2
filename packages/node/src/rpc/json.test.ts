import fc from 'fast-check'
import { expect, it } from 'vitest'
import { inspectJson, jsonLimits } from './json.js'

it('refuses depth, number of values and items without parsing them', () => {
  const { maxDepth, maxItems, maxValues } = jsonLimits
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  expect(inspectJson(nested(maxDepth)).refused).toBeUndefined()
  expect(inspectJson(nested(maxDepth + 1)).refused).toMatch(/deeper/)
  expect(inspectJson('{"a":'.repeat(maxDepth + 1)).refused).toMatch(/deeper/)
  const batch = (size: number) => `[${Array(size).fill('{}').join()}]`
  expect(inspectJson(batch(maxItems)).refused).toBeUndefined()
  expect(inspectJson(batch(maxItems + 1)).refused).toMatch(/batch too large/)
  expect(inspectJson(`{"params":[${'1,'.repeat(maxValues)}1]}`).refused).toMatch(/values/)
  expect(inspectJson(`{"params":["${'[,{'.repeat(maxValues)}"]}`).refused).toBeUndefined()
  expect(inspectJson('"never ends').refused).toBeUndefined()
})

it('keeps ids as they are written, of each request and of nothing else', () => {
  expect([...inspectJson('{"id": 12345678901234567890123 }').ids]).toEqual([[0, '12345678901234567890123']])
  const batch = '[{"id":1.0,"params":[{"id":7}]},{"id":"2","x":"\\"id\\":9"},[{"id":3}],{"method":"id","id" : -4e2}]'
  expect([...inspectJson(batch).ids]).toEqual([
    [0, '1.0'],
    [3, '-4e2'],
  ])
})

it('agrees with the parser on every text that JSON.stringify makes', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ id: fc.integer(), method: fc.string(), params: fc.jsonValue() })), requests => {
      const { refused, ids } = inspectJson(JSON.stringify(requests), { maxDepth: 1e9, maxValues: 1e9, maxItems: 1e9 })
      expect(refused).toBeUndefined()
      expect([...ids.values()]).toEqual(requests.map(({ id }) => String(Object.is(id, -0) ? 0 : id)))
    }),
  )
})
