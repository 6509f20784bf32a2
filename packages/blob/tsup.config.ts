import type { Options } from 'tsup'
import { library } from '../../scripts/tsup.ts'

const entries = {
  index: 'src/index.ts',
  kzg: 'src/kzg/index.ts',
  'kzg.browser': 'src/kzg/index.browser.ts',
  'c-kzg': 'src/kzg/c-kzg.ts',
  'eth-kzg': 'src/kzg/eth-kzg.ts',
  noble: 'src/kzg/noble.ts',
}
const options = library({ ...entries, worker: 'src/kzg/worker.js' }) as Options

// The worker is JavaScript that nobody imports: it has no types.
export default { ...options, dts: { ...(options.dts as object), entry: entries }, removeNodeProtocol: false } as Options
