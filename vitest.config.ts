import { defineConfig } from 'vitest/config'

/** One configuration for every package: tests run against the sources, so they need no build. */
export default defineConfig({
  resolve: { conditions: ['@l2/source'] },
  ssr: { resolve: { conditions: ['@l2/source', 'node', 'import', 'default'], externalConditions: ['@l2/source'] } },
  test: {
    include: ['packages/*/{src,test}/**/*.test.ts', 'examples/**/*.test.ts', 'scripts/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    retry: 0,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ['default'],
    pool: 'forks',
  },
})
