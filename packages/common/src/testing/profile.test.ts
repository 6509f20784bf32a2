import { afterEach, describe, expect, it, vi } from 'vitest'
import { runs } from './profile.js'

afterEach(() => vi.unstubAllEnvs())

describe('runs', () => {
  it('is the suite where nothing is said, and what L2_PROFILE names', () => {
    vi.stubEnv('L2_PROFILE', undefined)
    expect(runs({ suite: 3, soak: 300 })).toBe(3)
    vi.stubEnv('L2_PROFILE', 'soak')
    expect(runs({ suite: 3, soak: 300 })).toBe(300)
  })

  it('refuses a profile that does not exist, rather than running the short one', () => {
    vi.stubEnv('L2_PROFILE', 'full')
    expect(() => runs({ suite: 3, soak: 300 })).toThrow('L2_PROFILE expected suite or soak, got "full"')
  })
})
