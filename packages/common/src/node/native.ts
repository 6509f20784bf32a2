/**
 * What became of loading an optional native part. `absent`: it is not installed, which is nobody's fault. `broken`: it is installed and cannot
 * be used, because it was never built, was built for another Node or machine, or is a version with other functions.
 */
export type NativePart<T> =
  | { readonly state: 'ready'; readonly module: T }
  | { readonly state: 'absent' | 'broken'; readonly reason: string; readonly cause: unknown }

/** How {@link loadNative} knows the part it wants. */
export type NativePartOptions<T> = {
  /** `import.meta.url` of whoever wants it: the part is looked for from there. */
  from: string
  /** What of the package to load, where that is not its main entry. */
  entry?: string | undefined
  /** Whether what came is what was meant: says what is wrong with it, or throws. */
  check?: ((module: T) => string | undefined) | undefined
}

/**
 * Loads an optional native part of an npm package. Whatever is wrong with it is an answer, never an exception: a fallback chain is only as good
 * as its worst case, and the usual one is a package that a package manager installed and did not build.
 *
 * `require`, and not `import`: a CommonJS module that throws while an ES module imports it reaches Node 20 twice, once as the rejection and once
 * as an uncaught exception that ends the process.
 */
export function loadNative<T>(name: string, options: NativePartOptions<T>): NativePart<T> {
  const { from, entry, check } = options
  const specifier = entry === undefined ? name : `${name}/${entry}`
  // Asked for at run time, so that a bundle for browsers, where every part is absent, can carry this.
  const node = globalThis.process?.getBuiltinModule?.('node:module')
  if (node === undefined) return { state: 'absent', reason: 'only Node loads native parts', cause: undefined }
  try {
    const module = node.createRequire(from)(specifier) as T
    const wrong = check?.(module)
    if (wrong === undefined) return { state: 'ready', module }
    return { state: 'broken', reason: wrong, cause: undefined }
  } catch (cause) {
    return { state: isAbsent(cause, specifier) ? 'absent' : 'broken', reason: reasonOf(cause), cause }
  }
}

/** Whether the package itself is not there, rather than something that it needs. */
function isAbsent(cause: unknown, specifier: string): boolean {
  const { code, message } = (cause ?? {}) as { code?: unknown; message?: unknown }
  return code === 'MODULE_NOT_FOUND' && String(message).includes(`'${specifier}'`)
}

/** One line, without where the machine keeps its files: of a path its last part, and none of the lists of paths that were tried. */
function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause)
  const [first = ''] = text.split(/\n(?:Require stack| →|\s*at )| Tried:/)
  const plain = first.replace(/(?:[A-Za-z]:)?(?:[\\/][^\s'":\\/]+)+[\\/]/g, '')
  return plain.replace(/\s+/g, ' ').trim().slice(0, 300)
}

/** The first of `functions` that a module lacks, as a `check` says it. */
export function lacks(module: unknown, functions: readonly string[]): string | undefined {
  const missing = functions.find(name => typeof (module as Record<string, unknown> | undefined)?.[name] !== 'function')
  return missing === undefined ? undefined : `it has no function "${missing}": another version is installed`
}
