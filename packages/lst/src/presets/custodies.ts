import type { Core } from './core.js'
import type { Custody } from './custody.js'
import { rateCustody } from './custody-rate.js'
import { rebasingCustody } from './custody-rebasing.js'
import { vaultCustody } from './custody-vault.js'
import type { Liquid } from './state.js'

const custodies: Record<Core['model'], Custody> = {
  instant: vaultCustody,
  cycle: vaultCustody,
  rate: rateCustody,
  rebasing: rebasingCustody,
}

/** How the model of a protocol keeps its wei. */
export const custodyOf = (lst: Liquid): Custody => custodies[lst.core.model]
