import { defineConfig } from 'tsup'

export default defineConfig({
  entry: { main: 'src/main.ts' },
  format: 'esm',
  target: 'node20',
  platform: 'node',
  clean: true,
  sourcemap: true,
  noExternal: ['@l2/common'],
  // Of another licence, and with files of its own: loaded where it is installed, never built in.
  external: [/^@l2\/op-engine/],
  silent: true,
})
