import { readdirSync, readFileSync } from 'node:fs'

/** Programs that an operator has started, by their parent. */
export function childrenOf(pid: number): { pid: number; name: string }[] {
  return readdirSync('/proc').flatMap(entry => {
    if (!/^\d+$/.test(entry)) return []
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8')
      const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
      return parent === pid ? [{ pid: Number(entry), name }] : []
    } catch {
      return []
    }
  })
}
