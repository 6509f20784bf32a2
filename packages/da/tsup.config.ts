import { library } from '../../scripts/tsup.ts'

export default library({
  index: 'src/index.ts',
  ethereum: 'src/ethereum/index.ts',
  node: 'src/node/index.ts',
})
