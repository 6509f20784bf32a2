export {
  type CallActions,
  type CallingClient,
  type ContractCall,
  callActions,
  codeOfError,
} from './call.js'
