/**
 * Lets so many through in one turn of the event loop. What makes blocks waits for disk, engine and L1 a dozen times for each, and every time comes back
 * behind all that has arrived meanwhile: were all of a crowd let in at once, each of these would be a crowd's time.
 *
 * @returns resolves when it is one's turn
 */
export function createPacer(perTurn: number): () => Promise<void> {
  const waiting: (() => void)[] = []
  let left = perTurn
  let isScheduled = false
  const nextTurn = (): void => {
    isScheduled = false
    left = perTurn
    for (const enter of waiting.splice(0, perTurn)) {
      left--
      enter()
    }
    schedule()
  }
  const schedule = (): void => {
    if (isScheduled || left === perTurn) return
    isScheduled = true
    setImmediate(nextTurn)
  }
  return () =>
    new Promise(resolve => {
      if (left > 0 && waiting.length === 0) {
        left--
        resolve()
      } else waiting.push(resolve)
      schedule()
    })
}
