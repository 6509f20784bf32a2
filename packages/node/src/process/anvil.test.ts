import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { startAnvil } from './anvil.js'

const directory = mkdtempSync(join(tmpdir(), 'l2-keeper-'))
const other = createServer()
afterAll(() => {
  other.close()
  rmSync(directory, { recursive: true, force: true })
})

it('takes another port where somebody had the first, and says what else ended it', async () => {
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
  const { port: taken } = other.address() as { port: number }
  let starts = 0
  const args = (port: number) => ['--port', String(starts++ === 0 ? taken : port), '--silent']
  const anvil = await startAnvil({ name: 'l1', directory, args, lingerMs: 0 })
  expect(starts).toBe(2)
  await anvil.stop()
  const wrong = startAnvil({ name: 'l1', directory, args: () => ['--no-such-option'], lingerMs: 0 })
  await expect(wrong).rejects.toMatchObject({
    code: 'ANVIL_FAILED',
    message: expect.stringMatching(/^anvil \(l1\) ended: /),
  })
})
