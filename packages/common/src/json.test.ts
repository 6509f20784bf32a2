import { expect, it } from 'vitest'
import { fromJson, toJson } from './json.js'

it('writes bigints as decimal strings and reads them where they are said to be', () => {
  const plan = {
    costWei: 10n ** 30n,
    layers: [{ name: '17', costWei: -1n }],
    gasUsed: [1n, 2n],
    at: 5,
    tipWei: null,
    none: undefined,
  }
  const json = toJson(plan)
  expect(json).toBe(
    '{"costWei":"1000000000000000000000000000000","layers":[{"name":"17","costWei":"-1"}],"gasUsed":["1","2"],"at":5,"tipWei":null}',
  )
  const { none: _, ...rest } = plan
  expect(fromJson(json, ['costWei', 'gasUsed', 'tipWei'])).toEqual(rest)
  expect(toJson({ a: 1n }, 2)).toBe('{\n  "a": "1"\n}')
})

it('refuses what is no bigint where one is said to be', () => {
  for (const json of [
    '{"a":1}',
    '{"a":"0x1"}',
    '{"a":""}',
    '{"a":{}}',
    '{"a":["1",2]}',
    `{"a":"${'9'.repeat(79)}"}`,
    '{',
  ]) {
    expect(() => fromJson(json, ['a'])).toThrow(SyntaxError)
  }
})
