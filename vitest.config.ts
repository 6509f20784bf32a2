import { defineConfig } from 'vitest/config'
import { suites } from './scripts/suites.ts'

const resolve = {
  resolve: { conditions: ['@l2/source'] },
  ssr: { resolve: { conditions: ['@l2/source', 'node'], externalConditions: ['@l2/source'] } },
}
const exclude = ['**/node_modules/**', '**/dist/**']
// A soak tries some hundred times as much.
const patienceMs = process.env['L2_PROFILE'] === 'soak' ? 7_200_000 : 240_000
const limits = { retry: 0, testTimeout: patienceMs, hookTimeout: patienceMs }
const files = (needsProcess: boolean): string[] =>
  suites()
    .filter(suite => suite.needsProcess === needsProcess)
    .map(({ file }) => file)

/**
 * One configuration for every package: tests run against the sources, so they need no build. What starts programs, or changes what a process shares,
 * has a process for each file; everything else shares two, in which a module is loaded once.
 */
export default defineConfig({
  ...resolve,
  test: {
    reporters: ['default'],
    globalSetup: ['scripts/leftovers.ts'],
    projects: [
      {
        ...resolve,
        test: {
          ...limits,
          name: 'processes',
          include: files(true),
          exclude,
          pool: 'forks',
          // They wait for blocks and for programs more than they compute.
          maxWorkers: 4,
          sequence: { groupOrder: 0 },
        },
      },
      {
        ...resolve,
        test: {
          ...limits,
          name: 'units',
          include: files(false),
          exclude,
          pool: 'forks',
          isolate: false,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
