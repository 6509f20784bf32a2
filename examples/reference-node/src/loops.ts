import type { Batching, Posting, Shutdown, Verifier } from '@l2/node'
import type { Ground } from './ground.js'
import type { Leading } from './leading.js'

/** What runs for as long as the node does. */
export type LoopParts = {
  sequencer: Leading['sequencer']
  posting: Posting
  verifier: Verifier
  batching: Batching
  shutdown: Pick<Shutdown, 'isPaused'>
}

export function runLoops(
  { supervision, executing, verifying, l1, l1Watch, l1Heads, gasToken }: Ground,
  { sequencer, posting, verifier, batching, shutdown }: LoopParts,
): void {
  const { signal } = supervision
  const engines = [executing, ...verifying.parts]
  for (const engine of engines) {
    engine.failed.catch(supervision.fail)
    engine.onDown(() => supervision.note('engines', engines.find(({ down }) => down !== undefined)?.down))
  }
  l1.failed.catch(supervision.fail)
  supervision.run('sequencer', { pauseMs: 50 }, async () => {
    while (!signal.aborted && !shutdown.isPaused && (await sequencer.produce(Date.now()))) {
      // On a fresh start the chain catches up with the clock.
    }
    return sequencer.waiting
  })
  supervision.run('L1 head', { pauseMs: 500 }, () => sequencer.followL1())
  // A refused submission is made anew from the safe head; one that is refused again and again stops the node.
  supervision.run('batcher', { pauseMs: 500, patience: 5, hasSucceeded: batching.hasPosted }, async () => {
    await batching.batcher.step({ signal })
    return batching.waiting
  })
  supervision.watch(verifier.run(signal))
  supervision.run('L1', { pauseMs: 1000 }, async () => {
    await gasToken.poll({ signal })
    await posting.wallet.balance()
    await posting.bookOpen()
    await l1Watch.readPrices()
    await l1Heads.read()
    const { safe, finalized } = verifier.status
    sequencer.setLabels({ safe, finalized })
  })
}
