import type { Random } from './random.js'

/** One world of a {@link SoakTarget}: a configuration, driven by random operations. */
export type SoakCase = {
  readonly name: string
  /** Performs `operations` random operations and checks what must hold; the line it returns is printed. Whatever it throws is a finding. */
  run(random: Random, operations: number): string | Promise<string>
}

/**
 * A soak target: `soak/<target>.soak.ts` of a package or example exports one as `target`. `pnpm soak <target> --operations N --seed S` runs every
 * case of it; a test runs the same cases with fewer operations.
 */
export type SoakTarget = { readonly cases: readonly SoakCase[] }
