import { createServer } from 'node:net'
import { NodeError } from '../errors.js'

export type PortPlace = {
  host: string
  port: number
  /** What its two command-line options begin with. Default `--`, for `--port` and `--host`. */
  optionPrefix?: '--' | '--admin-' | undefined
}

/** A place that was free a moment ago; port 0 for any. */
async function listens({ host, port }: PortPlace): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, host, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port))
    })
  })
}

/** A free port of this machine's own address. */
export function freePort(): Promise<number> {
  return listens({ host: '127.0.0.1', port: 0 })
}

/**
 * Before anything is started: that something else listens is not worth three engines to find out.
 *
 * @throws NodeError `PORT_TAKEN`; what the system says otherwise
 */
export async function checkPort(place: PortPlace): Promise<void> {
  await listens(place).catch(cause => {
    throw portTaken(place, cause)
  })
}

/** The error of a server that cannot listen, as the user is told. */
export function portTaken({ host, port, optionPrefix = '--' }: PortPlace, cause: unknown): unknown {
  const { code } = cause as { code?: string }
  const reasons: Record<string, string> = {
    EADDRINUSE: `port ${port} of ${host} is taken: pass another with ${optionPrefix}port`,
    EACCES: `port ${port} of ${host} is not allowed to this user: pass another with ${optionPrefix}port`,
    EADDRNOTAVAIL: `${host} is no address of this machine: pass another with ${optionPrefix}host`,
    ENOTFOUND: `${host} is no address: pass another with ${optionPrefix}host`,
  }
  const message = reasons[code ?? '']
  return message === undefined ? cause : new NodeError(message, { code: 'PORT_TAKEN', cause })
}
