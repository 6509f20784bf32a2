/** How much a run of the suites tries: `suite` in `npm test`, `soak` in `pnpm soak`. Taken from `L2_PROFILE`. */
const profiles = ['suite', 'soak'] as const
type Profile = (typeof profiles)[number]

function testProfile(): Profile {
  const given = process.env['L2_PROFILE'] ?? 'suite'
  const profile = profiles.find(name => name === given)
  if (profile === undefined) throw new Error(`L2_PROFILE expected ${profiles.join(' or ')}, got "${given}"`)
  return profile
}

/**
 * How often a property, a random loop or a fault is tried in this run. Both figures stand where the loop is, so that what `npm test` leaves to
 * `pnpm soak` is read beside what it proves: `numRuns: runs({ suite: 40, soak: 2_000 })`.
 */
export function runs(counts: Readonly<Record<Profile, number>>): number {
  return counts[testProfile()]
}
