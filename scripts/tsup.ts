import { defineConfig, type Options } from 'tsup'

/** The one build recipe of the libraries: ESM with types, `@l2/common` inlined, everything else left to the installer. */
export function library(entry: Record<string, string>): ReturnType<typeof defineConfig> {
  const options: Options = {
    entry,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    dts: { resolve: ['@l2/common'], compilerOptions: { ignoreDeprecations: '6.0' } },
    clean: true,
    sourcemap: true,
    splitting: true,
    treeshake: true,
    noExternal: ['@l2/common'],
    external: [/^node:/],
    esbuildOptions(esbuild) {
      esbuild.conditions = ['@l2/source']
    },
    silent: true,
  }
  return defineConfig(options)
}
