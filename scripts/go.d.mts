export type Pin = {
  readonly module: string
  readonly version: string
  readonly sum: string
  readonly package: string
  readonly replaces?: string
  /** A file that the published module lacks: `path` of the module of another pin takes its place. */
  readonly bundle?: { readonly file: string; readonly from: string; readonly path: string }
  /** SHA-256 of what the program prints, for one of ours that prints what its module holds. */
  readonly prints?: string
  readonly licence: string
}
export declare const pins: Readonly<Record<string, Pin>>
export declare function goCache(): string
type Say = (line: string) => void
export declare function goProgram(name: string, options?: { build?: boolean; say?: Say }): string | undefined
export declare function goOutput(name: string, options?: { build?: boolean; say?: Say }): string | undefined
export declare function goModule(
  dir: string,
  package_: string,
  name: string,
  options?: { flags?: readonly string[]; env?: Record<string, string>; say?: Say },
): string | undefined
export declare function goVersion(): string | undefined
export declare function moduleFolder(
  pin: Pin,
): { folder: string; failure?: undefined } | { folder?: undefined; failure: string }
