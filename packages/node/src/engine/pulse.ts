/** Pings within a span of silence: one that is lost, or this process standing still itself, says nothing yet. */
const pingsPerSilence = 5

/** Watches whether something answers. */
export type Pulse = { stop(): void }

/**
 * Asks again and again, and tells once when nothing has answered for a while.
 *
 * @param ping rejects, or keeps its signal waiting, where there is no answer
 */
export function watchPulse(
  ping: (signal: AbortSignal) => Promise<unknown>,
  silenceMs: number,
  onSilent: () => void,
): Pulse {
  let isStopped = false
  let wake = (): void => {}
  const pingMs = silenceMs / pingsPerSilence
  const wait = (ms: number): Promise<void> =>
    new Promise(resolve => {
      const timer = setTimeout(resolve, ms)
      timer.unref()
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const run = async (): Promise<void> => {
    let missed = 0
    while (missed < pingsPerSilence) {
      const round = wait(pingMs)
      const answered = ping(AbortSignal.timeout(pingMs)).then(
        () => true,
        () => false,
      )
      // What does not heed its signal is not waited for either.
      missed = (await Promise.race([answered, round.then(() => false)])) ? 0 : missed + 1
      await round
      if (isStopped) return
    }
    onSilent()
  }
  void run()
  return {
    stop: () => {
      isStopped = true
      wake()
    },
  }
}
