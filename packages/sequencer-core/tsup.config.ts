import { library } from '../../scripts/tsup.ts'

export default library({
  index: 'src/index.ts',
  node: 'src/node.ts',
  metis: 'src/metis/index.ts',
  brotli: 'src/compression/brotli.ts',
  testing: 'src/testing/index.ts',
})
