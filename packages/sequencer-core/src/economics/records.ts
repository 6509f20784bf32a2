/** What users paid, by kind, in the smallest unit of the gas token. */
export type FeesByKind = {
  readonly baseFees: bigint
  readonly priorityFees: bigint
  readonly l1Fees: bigint
  readonly operatorFees: bigint
  readonly auctionRevenue: bigint
}

/** What posting cost, by kind, in the smallest unit of the gas token. */
export type CostsByKind = {
  readonly blobGas: bigint
  readonly executionGas: bigint
  readonly altDa: bigint
}

/**
 * One block, batch or rollback as a report shows it. A block has no costs; a rollback takes out what blocks had brought, so its figures are negative. A batch has the fees of the blocks that it is the first to carry, so the
 * fees of all batches and of the blocks that none carries yet add up to all fees: add up rows of one type
 * only, blocks together with rollbacks.
 */
export type EconomicRecord = FeesByKind &
  CostsByKind & {
    /** Counts all records of the ledger, from 0. */
    readonly index: number
    readonly type: 'block' | 'batch' | 'rollback'
    /** The block's number, the batch's id, or the number of the block that the chain went back to. */
    readonly id: string
    readonly firstBlock: bigint
    readonly lastBlock: bigint
    readonly transactions: number
    /** Of the batch; 0 for a block. */
    readonly bytes: number
    readonly feesIn: bigint
    readonly costsOut: bigint
    /** Fees minus costs; negative where posting cost more than users paid. */
    readonly profit: bigint
  }

/** A block that no batch has carried yet. */
export type UnpostedBlock = { readonly number: bigint; readonly transactions: number; readonly fees: FeesByKind }

export const noFees: FeesByKind = { baseFees: 0n, priorityFees: 0n, l1Fees: 0n, operatorFees: 0n, auctionRevenue: 0n }
export const noCosts: CostsByKind = { blobGas: 0n, executionGas: 0n, altDa: 0n }

export function addFees(a: FeesByKind, b: FeesByKind): FeesByKind {
  return {
    baseFees: a.baseFees + b.baseFees,
    priorityFees: a.priorityFees + b.priorityFees,
    l1Fees: a.l1Fees + b.l1Fees,
    operatorFees: a.operatorFees + b.operatorFees,
    auctionRevenue: a.auctionRevenue + b.auctionRevenue,
  }
}

export function negateFees(fees: FeesByKind): FeesByKind {
  return {
    baseFees: -fees.baseFees,
    priorityFees: -fees.priorityFees,
    l1Fees: -fees.l1Fees,
    operatorFees: -fees.operatorFees,
    auctionRevenue: -fees.auctionRevenue,
  }
}

export function addCosts(a: CostsByKind, b: CostsByKind): CostsByKind {
  return {
    blobGas: a.blobGas + b.blobGas,
    executionGas: a.executionGas + b.executionGas,
    altDa: a.altDa + b.altDa,
  }
}

export function sumFees(fees: FeesByKind): bigint {
  return fees.baseFees + fees.priorityFees + fees.l1Fees + fees.operatorFees + fees.auctionRevenue
}

export function sumCosts(costs: CostsByKind): bigint {
  return costs.blobGas + costs.executionGas + costs.altDa
}

/** Takes the blocks of a range out of those that wait: they count for the batch that asks first. */
export function takeBlocks(
  unposted: readonly UnpostedBlock[],
  first: bigint,
  last: bigint,
): { left: readonly UnpostedBlock[]; fees: FeesByKind; transactions: number } {
  const left: UnpostedBlock[] = []
  let fees = noFees
  let transactions = 0
  for (const block of unposted) {
    if (block.number < first || block.number > last) left.push(block)
    else {
      fees = addFees(fees, block.fees)
      transactions += block.transactions
    }
  }
  return { left, fees, transactions }
}
