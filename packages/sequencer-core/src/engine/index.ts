export type { ForkName, ForkSchedule } from '../derivation/fork-schedule.js'
export type { AltDaConfig, BlockId, RollupConfig } from '../derivation/rollup-config.js'
export type { SystemConfig } from '../derivation/system-config.js'
export type { AccountState } from '../mempool/types.js'
export type { AccessListEntry } from '../transaction/types.js'
export { type AnvilDump, type AnvilEngine, type AnvilEngineOptions, createAnvilEngine } from './anvil.js'
export { type AnvilArguments, anvilArguments } from './anvil-arguments.js'
export { defaultEip1559Parameters, type Eip1559Parameters, readEip1559Parameters } from './eip1559.js'
export type {
  AccessCall,
  CallOptions,
  ExecutedBlock,
  ExecutedHeader,
  ExecutionEngine,
  ExecutionReceipt,
  ForkchoiceHeads,
  PayloadAttributes,
  TracedAccess,
} from './engine.js'
export { createEngineApi, type EngineApi, type EngineApiOptions } from './engine-api.js'
export { createEngineToken } from './jwt.js'
export { type GenesisAccount, type OpGenesis, type OpGenesisOptions, opGenesis } from './op-genesis.js'
