import { library } from '../../scripts/tsup.ts'

export default library({
  index: 'src/index.ts',
  kzg: 'src/kzg/index.ts',
  'c-kzg': 'src/kzg/c-kzg.ts',
  'eth-kzg': 'src/kzg/eth-kzg.ts',
  noble: 'src/kzg/noble.ts',
})
