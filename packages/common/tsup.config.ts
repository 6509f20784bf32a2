import { library } from '../../scripts/tsup.ts'

// Nobody installs this: its one declaration file is what the packages' own declarations inline.
export default library({ index: 'src/index.ts' })
