import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Batcher, batcherAdmin, createThrottleController } from '@l2/sequencer-core/batcher'
import { afterAll, describe, expect, it } from 'vitest'
import { openAdmin } from './admin.js'

const folder = mkdtempSync(join(tmpdir(), 'l2-admin-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const methods = batcherAdmin(
  {},
  {
    batcher: { start() {}, async stop() {}, flush() {}, view: { isStopped: false } } as unknown as Batcher,
    throttle: createThrottleController(),
  },
)

async function serve(tokenPath: string) {
  const said: string[] = []
  const server = await openAdmin({ host: '127.0.0.1', port: 0, tokenPath, methods, say: line => said.push(line) })
  const call = async (body: string, headers: Record<string, string>) => {
    const response = await fetch(server.url, { method: 'POST', body, headers })
    return { status: response.status, headers: response.headers, json: (await response.json()) as object }
  }
  return { server, said, call, url: server.url }
}

const request = (method: string, ...params: unknown[]): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })

describe('openAdmin', () => {
  it('makes a token that its owner alone can read, and answers nobody who does not know it', async () => {
    const tokenPath = join(folder, 'made')
    const { server, said, call, url } = await serve(tokenPath)
    try {
      expect(statSync(tokenPath).mode & 0o777).toBe(0o600)
      const token = readFileSync(tokenPath, 'utf8').trim()
      expect(token).toMatch(/^[0-9a-f]{64}$/)
      const wrong = ['', token, `Bearer ${token}0`, `Bearer ${token.slice(1)}`, 'Bearer ', `Basic ${token}`]
      for (const authorization of wrong) {
        const { status, json } = await call(request('admin_flushBatcher'), { authorization })
        expect({ status, json }).toEqual({
          status: 401,
          json: { jsonrpc: '2.0', id: null, error: { code: -32001, message: 'the token is missing or wrong' } },
        })
      }
      const { status, headers, json } = await call(request('admin_flushBatcher'), { authorization: `Bearer ${token}` })
      expect([status, json]).toEqual([200, { jsonrpc: '2.0', id: 1, result: null }])
      // No page of a browser can ask, with a token or without.
      expect(headers.get('access-control-allow-origin')).toBeNull()
      expect((await fetch(url, { method: 'OPTIONS' })).status).toBe(401)
      expect(said).toEqual([
        ...wrong.map(() => 'admin: a call from 127.0.0.1 was refused: the token is missing or wrong'),
        'admin: admin_flushBatcher from 127.0.0.1 was carried out',
        'admin: a call from 127.0.0.1 was refused: the token is missing or wrong',
      ])
      expect(said.join('\n')).not.toContain(token.slice(1))
    } finally {
      await server.close()
    }
  })

  it('logs each call with its outcome, and gives the operator the reason', async () => {
    const tokenPath = join(folder, 'given')
    const token = 'a-token-of-the-operator-s-own-making-1'
    writeFileSync(tokenPath, `${token}\n`, { mode: 0o600 })
    const { server, said, call } = await serve(tokenPath)
    try {
      const headers = { authorization: `Bearer ${token}` }
      const batch = `[${[
        request('admin_startBatcher'),
        request('admin_setThrottleController', 'cubic'),
        request('eth_chainId\nfaked line'),
      ].join()}]`
      const { json } = await call(batch, headers)
      expect(json).toEqual([
        { jsonrpc: '2.0', id: 1, error: { code: -32000, message: 'the batcher is already running' } },
        {
          jsonrpc: '2.0',
          id: 1,
          error: { code: -32602, message: '"profile" expected step, linear, quadratic or pid, got cubic' },
        },
        {
          ...{ jsonrpc: '2.0', id: 1 },
          error: { code: -32601, message: 'the method eth_chainId\nfaked line does not exist' },
        },
      ])
      expect((await call('x'.repeat(65_537), headers)).status).toBe(413)
      expect(said).toHaveLength(4)
      expect(said).toContain('admin: admin_startBatcher from 127.0.0.1 was refused: the batcher is already running')
      expect(said.every(line => !line.includes('\n'))).toBe(true)
    } finally {
      await server.close()
    }
  })

  it('refuses a token file that others may read, or that holds none', async () => {
    const tokenPath = join(folder, 'open')
    writeFileSync(tokenPath, 'a'.repeat(64))
    chmodSync(tokenPath, 0o644)
    await expect(serve(tokenPath)).rejects.toMatchObject({ code: 'ADMIN_TOKEN' })
    const short = join(folder, 'short')
    writeFileSync(short, 'secret', { mode: 0o600 })
    await expect(serve(short)).rejects.toThrow('holds no token')
    await expect(serve(join(folder, 'nowhere', 'token'))).rejects.toThrow('cannot be written')
  })
})
