/** How many of a block's transactions users sent: deposits (0x7e) are the protocol's. */
export function userTransactions(transactions: readonly Uint8Array[]): number {
  return transactions.reduce((count, raw) => count + (raw[0] === 0x7e ? 0 : 1), 0)
}
