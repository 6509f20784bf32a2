/** Stake by the epoch in which it came in: what says for which work it earns and for which faults it answers. */
export type Bond = { readonly fromEpoch: bigint; readonly wei: bigint }

/** Adds stake that came in during `fromEpoch`; the list stays ascending, one entry an epoch. */
export function addBond(bonds: readonly Bond[], fromEpoch: bigint, wei: bigint): readonly Bond[] {
  if (wei === 0n) return bonds
  let at = bonds.length
  while (at > 0 && bonds[at - 1]!.fromEpoch > fromEpoch) at--
  const before = bonds[at - 1]
  if (before?.fromEpoch === fromEpoch) return replace(bonds, at - 1, { fromEpoch, wei: before.wei + wei })
  if (at === bonds.length) return bonds.concat([{ fromEpoch, wei }])
  const next = bonds.slice()
  next.splice(at, 0, { fromEpoch, wei })
  return next
}

/** Takes stake out, the youngest first: what is left stays answerable for what the seat did before. */
export function takeYoungest(bonds: readonly Bond[], wei: bigint): { left: readonly Bond[]; taken: readonly Bond[] } {
  const left = [...bonds]
  const taken: Bond[] = []
  for (let rest = wei; rest > 0n && left.length > 0; ) {
    const last = left.pop()!
    const part = last.wei < rest ? last.wei : rest
    taken.unshift({ fromEpoch: last.fromEpoch, wei: part })
    if (part < last.wei) left.push({ fromEpoch: last.fromEpoch, wei: last.wei - part })
    rest -= part
  }
  return { left, taken }
}

/** Takes stake of `fromEpoch` out. Entries that were joined stand for all the epochs up to theirs. */
export function takeBond(bonds: readonly Bond[], fromEpoch: bigint, wei: bigint): readonly Bond[] {
  if (wei === 0n) return bonds
  let at = bonds.length
  while (at > 0 && bonds[at - 1]!.fromEpoch >= fromEpoch) at--
  return replace(bonds, at, { fromEpoch: bonds[at]!.fromEpoch, wei: bonds[at]!.wei - wei })
}

/** Joins what came in at or before `horizon`: no fault that can still be brought forward tells it apart. */
export function joinBonds(bonds: readonly Bond[], horizon: bigint): readonly Bond[] {
  if (bonds.length < 2 || bonds[1]!.fromEpoch > horizon) return bonds
  let count = 0
  let wei = 0n
  while (count < bonds.length && bonds[count]!.fromEpoch <= horizon) wei += bonds[count++]!.wei
  const next = bonds.slice(count - 1)
  next[0] = { fromEpoch: next[0]!.fromEpoch, wei }
  return next
}

/** Wei that had come in by the end of `epoch`; all of it without one. */
export function bondsWei(bonds: readonly Bond[], epoch?: bigint): bigint {
  let sum = 0n
  for (const bond of bonds) if (epoch === undefined || bond.fromEpoch <= epoch) sum += bond.wei
  return sum
}

/** Takes up to `wei` of what had come in by the end of `epoch`, the oldest first. */
export function cutBonds(
  bonds: readonly Bond[],
  epoch: bigint,
  wei: bigint,
): { left: readonly Bond[]; cutWei: bigint } {
  let cutWei = 0n
  const left: Bond[] = []
  for (const bond of bonds) {
    const rest = wei - cutWei
    const part = bond.fromEpoch > epoch || rest === 0n ? 0n : bond.wei < rest ? bond.wei : rest
    cutWei += part
    if (part < bond.wei) left.push(part === 0n ? bond : { fromEpoch: bond.fromEpoch, wei: bond.wei - part })
  }
  return { left, cutWei }
}

/** What is left of stake that answers for a fault: `keptWei` of `ofWei`, rounded down. */
export const keep = (wei: bigint, share: { readonly keptWei: bigint; readonly ofWei: bigint }): bigint =>
  (wei * share.keptWei) / share.ofWei

/** Leaves to what had come in by the end of `epoch` its part, rounded down entry by entry. */
export function scaleBonds(
  bonds: readonly Bond[],
  epoch: bigint,
  share: { readonly keptWei: bigint; readonly ofWei: bigint },
): readonly Bond[] {
  return bonds.map(bond => (bond.fromEpoch > epoch ? bond : { fromEpoch: bond.fromEpoch, wei: keep(bond.wei, share) }))
}

function replace(bonds: readonly Bond[], at: number, bond: Bond): readonly Bond[] {
  const next = bonds.slice()
  if (bond.wei === 0n) next.splice(at, 1)
  else next[at] = bond
  return next
}
