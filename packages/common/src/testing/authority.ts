import { execFileSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A certificate and its key, as files in PEM. */
export type IssuedCertificate = { readonly certFile: string; readonly keyFile: string }

/** A certificate authority of one's own. */
export type Authority = {
  /** PEM: who is trusted by whoever trusts this authority. */
  readonly caFile: string
  /** @param name whom it is for: an address, or a host's name */
  issue(name: string): IssuedCertificate
}

const algorithm = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'] as const

/**
 * Makes a certificate authority in a folder, by the program `openssl`.
 *
 * @returns `undefined` where that program is not there
 */
export function createAuthority(folder: string, name = 'authority'): Authority | undefined {
  const run = (...parameters: readonly string[]): void => {
    execFileSync('openssl', parameters, { stdio: ['ignore', 'ignore', 'pipe'], cwd: folder })
  }
  const [caFile, caKeyFile] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)]
  try {
    run('req', '-x509', ...algorithm, '-subj', `/CN=${name}`, '-days', '2', '-keyout', caKeyFile, '-out', caFile)
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return undefined
    throw error
  }
  return {
    caFile,
    issue(whom) {
      const base = join(folder, `${name}-${whom.replace(/[^a-z0-9.]/gi, '-')}`)
      const [certFile, keyFile] = [`${base}.pem`, `${base}.key`]
      run('req', '-new', ...algorithm, '-subj', '/CN=server', '-keyout', keyFile, '-out', `${base}.csr`)
      const kind = /^[\d.]+$|:/.test(whom) ? 'IP' : 'DNS'
      writeFileSync(`${base}.ext`, `subjectAltName=${kind}:${whom}\n`)
      const signing = ['-CA', caFile, '-CAkey', caKeyFile, '-CAcreateserial', '-days', '2', '-extfile', `${base}.ext`]
      run('x509', '-req', '-in', `${base}.csr`, ...signing, '-out', certFile)
      chmodSync(keyFile, 0o600)
      return { certFile, keyFile }
    },
  }
}
