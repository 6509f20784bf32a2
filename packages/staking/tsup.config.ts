import { library } from '../../scripts/tsup.ts'

export default library({
  index: 'src/index.ts',
  metis: 'src/metis/index.ts',
  themis: 'src/themis/index.ts',
  'verify-evidence': 'src/bin/verify-evidence.ts',
})
