import { library } from '../../scripts/tsup.ts'

// Nobody installs this: its declaration files are what the packages' own declarations inline.
export default library({ index: 'src/index.ts', node: 'src/node/index.ts' })
