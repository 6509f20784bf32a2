import { defineConfig } from 'vitest/config'
import { NodesFirst, suites } from './scripts/suites.ts'

const resolve = {
  resolve: { conditions: ['@l2/source'] },
  ssr: { resolve: { conditions: ['@l2/source', 'node'], externalConditions: ['@l2/source'] } },
}
const exclude = ['**/node_modules/**', '**/dist/**']
// A soak tries some hundred times as much. What hangs is told late, so that what is slow is not told to hang.
const patienceMs = process.env['L2_PROFILE'] === 'soak' ? 7_200_000 : 600_000
// What comes in its time comes later on a busy machine: nothing is late before this.
const expects = { poll: { timeout: 180_000, interval: 50 } }
const limits = { retry: 0, testTimeout: patienceMs, hookTimeout: patienceMs, expect: expects }
const files = (needsProcess: boolean): string[] =>
  suites()
    .filter(suite => suite.needsProcess === needsProcess)
    .map(({ file }) => file)

/**
 * One configuration for every package: tests run against the sources, so they need no build. The suites share a few processes, in which a module is loaded
 * once; those that change what a process shares have one each. There are more processes than cores, for suites with programs wait more than they compute.
 */
export default defineConfig({
  ...resolve,
  test: {
    reporters: ['default'],
    globalSetup: ['scripts/leftovers.ts'],
    sequence: { sequencer: NodesFirst },
    maxWorkers: 6,
    projects: [
      {
        ...resolve,
        test: { ...limits, name: 'shared', include: files(false), exclude, pool: 'forks', isolate: false },
      },
      { ...resolve, test: { ...limits, name: 'alone', include: files(true), exclude, pool: 'forks' } },
    ],
  },
})
