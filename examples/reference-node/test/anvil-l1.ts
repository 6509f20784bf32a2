import { type ChildProcess, spawn } from 'node:child_process'
import { anvilBinary } from '@l2/sequencer-core/node'

/** An L1 of the test's own, which outlives the nodes upon it. */
export async function startAnvilL1(): Promise<{ url: string; close(): Promise<void> }> {
  const args = [
    ...['--port', '0', '--hardfork', 'osaka', '--block-time', '1', '--slots-in-an-epoch', '1'],
    '--no-request-size-limit',
  ]
  const anvil: ChildProcess = spawn(anvilBinary(import.meta.url)!, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const url = await new Promise<string>((resolve, reject) => {
    anvil.once('exit', () => reject(new Error('anvil ended')))
    anvil.stdout!.on('data', data => {
      const match = /Listening on (\S+)/.exec(String(data))
      if (match !== null) resolve(`http://${match[1]}`)
    })
  })
  return {
    url,
    close: async () => {
      const ended = new Promise(resolve => anvil.once('exit', resolve))
      anvil.kill('SIGKILL')
      await ended
    },
  }
}
