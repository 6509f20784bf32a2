// The licences of everything that is linked into a program of the engine, as one text to go along with it.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Names that licences and notices have in Go modules. */
const licence = /^(LICEN[CS]E|COPYING|NOTICE)([.-].*)?$/i

const read = (folder, file) => readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim()

/** The licence of a module: its files, or where it has none, what its sources say about themselves. */
function licenceOf(name, folder) {
  const names = readdirSync(folder).sort()
  const files = names.filter(file => licence.test(file)).map(file => read(folder, file))
  if (files.length > 0) return files.join('\n\n')
  const lines = names.filter(file => file.endsWith('.go')).flatMap(file => read(folder, file).split('\n'))
  const said = [
    ...new Set(lines.filter(line => /^\/\/.*(copyright|licen[cs]e)/i.test(line)).map(line => line.slice(2).trim())),
  ]
  if (said.length === 0) throw new Error(`${name} says nothing of its licence in ${folder}`)
  return `Said in its sources:\n\n${said.join('\n')}`
}

/**
 * @param {string} modules lines of "path version folder", as `go list` gives them, one for each linked package
 * @param {string} goroot the folder of Go, whose library is linked in, too
 */
export function licencesOf(modules, goroot) {
  const folders = new Map([['Go standard library', goroot]])
  for (const line of modules.split('\n')) {
    const [path, version, folder] = line.trim().split(' ')
    if (folder) folders.set(`${path} ${version}`, folder)
  }
  const rule = '='.repeat(80)
  return [...folders]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, folder]) => `${rule}\n${name}\n${rule}\n\n${licenceOf(name, folder)}\n`)
    .join('\n')
}
