import { library } from '../../scripts/tsup.ts'

export default library({
  index: 'src/index.ts',
  ethereum: 'src/ethereum/index.ts',
  celestia: 'src/celestia/index.ts',
  'alt-da': 'src/alt-da/index.ts',
  anytrust: 'src/anytrust/index.ts',
  archive: 'src/archive/index.ts',
  eigenda: 'src/eigenda/index.ts',
  object: 'src/object/index.ts',
  testing: 'src/testing/index.ts',
  'testing/celestia': 'src/testing/celestia/index.ts',
  node: 'src/node/index.ts',
})
