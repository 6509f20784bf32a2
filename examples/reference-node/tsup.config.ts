import { defineConfig } from 'tsup'

export default defineConfig({
  entry: { main: 'src/main.ts', keeper: 'src/process/keeper.ts' },
  format: 'esm',
  target: 'node20',
  platform: 'node',
  clean: true,
  sourcemap: true,
  noExternal: ['@l2/common'],
  silent: true,
})
