export function filesOf(...patterns: string[]): string[]
