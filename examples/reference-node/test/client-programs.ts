import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const programs = fileURLToPath(new URL('./clients/', import.meta.url))

/** What users install: at the versions that were the newest when this was written. */
const packages = [
  'viem@2.57.20',
  'ethers@6.17.0',
  'web3@4.16.0',
  'hardhat@3.18.0',
  '@nomicfoundation/hardhat-ethers@4.2.0',
]

const withNode = (version: string): string[] => ['-y', '-p', `node@${version}`]

/** Programs over clients as npm has them, in a folder beside their packages. */
export type ClientPrograms = {
  /** Runs one with an argument, and gives what it printed last. `node`: the version of Node it wants, where this one is too old. */
  run(program: string, argument: object, node?: string): Promise<Record<string, unknown>>
  close(): void
}

/** Installs the clients into the cache, once; `undefined` and a line on why where they cannot be had. */
export async function clientPrograms(): Promise<ClientPrograms | undefined> {
  const name = createHash('sha256').update(packages.join()).digest('hex').slice(0, 12)
  const cache = join(process.env['L2_CACHE'] ?? join(homedir(), '.cache', 'l2'), 'clients')
  const folder = join(cache, name)
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true })
    const fresh = mkdtempSync(join(cache, 'new-'))
    writeFileSync(join(fresh, 'package.json'), '{"type":"module","private":true}')
    const options = ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...packages]
    try {
      // Under the newest Node that one of them wants: of a package for a newer one npm leaves out what is optional, silently.
      await run('npx', [...withNode('24'), 'npm', ...options], { cwd: fresh, timeout: 240_000 })
      renameSync(fresh, folder)
    } catch (error) {
      rmSync(fresh, { recursive: true, force: true })
      // Another run may have been faster.
      if (!existsSync(folder)) {
        if (process.env['CI'] === 'true') throw error
        process.stdout.write(
          `skipped: the clients cannot be had from npm: ${(error as Error).message.split('\n')[0]}\n`,
        )
        return undefined
      }
    }
  }
  const work = mkdtempSync(join(folder, 'run-'))
  cpSync(programs, work, { recursive: true })
  writeFileSync(join(work, 'package.json'), '{"type":"module","private":true}')
  return {
    run: async (program, argument, node) => {
      const args = [join(work, program), JSON.stringify(argument)]
      const [command, before] = node === undefined ? [process.execPath, []] : ['npx', [...withNode(node), 'node']]
      const env = { ...process.env, NODE_OPTIONS: '', HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true', CI: 'true' }
      const { stdout } = await run(command, [...before, ...args], { cwd: work, env, timeout: 220_000 })
      return JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, unknown>
    },
    close: () => rmSync(work, { recursive: true, force: true }),
  }
}
