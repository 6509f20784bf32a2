import { existsSync } from 'node:fs'

/** The Chromium of this machine. Without one a test in a browser is skipped, and says so; in CI that is a failure. */
export function chromiumOrSkip(): string | undefined {
  const path = [
    process.env['CHROMIUM_PATH'],
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
  ].find(path => path !== undefined && existsSync(path))
  if (path === undefined) {
    if (process.env['CI'] === 'true') throw new Error('no chromium: it belongs to CI')
    process.stdout.write('skipped: no chromium is installed\n')
  }
  return path
}
