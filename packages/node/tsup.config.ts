import { library } from '../../scripts/tsup.ts'

export default library({
  index: 'src/index.ts',
  // Started as a program of its own, beside the file that starts it.
  keeper: 'src/process/keeper.ts',
})
