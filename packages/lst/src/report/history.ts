import type { RebaseEvent } from '../apr/apr.js'

/**
 * The rebases of the last `historySeconds`, oldest first, with one more: rebases that follow each other within
 * `historyGrainSeconds` are one entry, so that the history covers its time however often somebody reports, in at most
 * 2·history/grain entries.
 */
export function rememberRebase(
  history: readonly RebaseEvent[],
  rebase: RebaseEvent,
  config: { readonly historySeconds: bigint; readonly historyGrainSeconds: bigint },
): readonly RebaseEvent[] {
  const from = rebase.atSeconds - config.historySeconds
  const kept =
    history.length > 0 && history[0]!.atSeconds <= from ? history.filter(({ atSeconds }) => atSeconds > from) : history
  const last = kept[kept.length - 1]
  if (last === undefined || last.elapsedSeconds + rebase.elapsedSeconds > config.historyGrainSeconds)
    return [...kept, rebase]
  const joined: RebaseEvent = {
    preAssets: last.preAssets,
    preShares: last.preShares,
    postAssets: rebase.postAssets,
    postShares: rebase.postShares,
    feeShares: (last.feeShares ?? 0n) + (rebase.feeShares ?? 0n),
    elapsedSeconds: last.elapsedSeconds + rebase.elapsedSeconds,
    atSeconds: rebase.atSeconds,
  }
  return [...kept.slice(0, -1), joined]
}
