import { library } from '../../scripts/tsup.ts'

export default library({ index: 'src/index.ts', viem: 'src/viem/index.ts' })
