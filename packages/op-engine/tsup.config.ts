import { library } from '../../scripts/tsup.ts'

export default library({
  index: 'src/index.ts',
  node: 'src/node/index.ts',
  'node-worker': 'src/node/worker.ts',
  browser: 'src/browser/index.ts',
  'browser-worker': 'src/browser/worker.ts',
})
