/** What a write to `path` failed with, in words, when the reason is that there is no room: a full disk or a used-up quota. */
export function diskFull(path: string, error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown }
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return undefined
  return `${path} cannot be written: ${code}, ${code === 'ENOSPC' ? 'no space left on the disk' : 'the quota is used up'}`
}
