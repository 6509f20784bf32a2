export declare function konaOracle(options?: { build?: boolean; say?: (line: string) => void }): string | undefined
