import { getMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createSupervision } from './supervision.js'

const passing = (message: string) => Object.assign(new Error(message), { recovery: 'retry' })

it('waits out what may pass, says it once, shows it while it lasts, and says when it is over', async () => {
  const said: string[] = []
  const supervision = createSupervision(message => said.push(message))
  let rounds = 0
  const seen: number[] = []
  const over = new Promise<void>(resolve => {
    supervision.run('L1', { pauseMs: 1 }, async () => {
      rounds++
      seen.push(supervision.waiting.length)
      if (rounds <= 2) throw passing('L1 does not answer\nat length')
      if (rounds === 4) resolve()
    })
  })
  await over
  await supervision.stop()
  expect(said).toEqual(['L1 waits: L1 does not answer', 'L1 goes on'])
  expect(seen.slice(0, 4)).toEqual([0, 1, 1, 0])
  expect(supervision.waiting).toEqual([])
})

it('stops the node with what will not pass: at once, or when its patience is over', async () => {
  const supervision = createSupervision(() => {})
  supervision.run('sequencer', { pauseMs: 1 }, async () => {
    throw new Error('broken')
  })
  await expect(supervision.failed).rejects.toThrow('broken')
  await supervision.stop()

  const patient = createSupervision(() => {})
  let rounds = 0
  patient.run('batcher', { pauseMs: 1, patience: 1, hasSucceeded: () => false }, async () => {
    // A round that does not fail is no success here, so the second error is the last.
    if (++rounds % 2 === 1) throw new Error(`refused in round ${rounds}`)
  })
  await expect(patient.failed).rejects.toThrow('refused in round 3')
  await patient.stop()
})

it('ends its loops, in the middle of a pause too, and takes in what runs by itself', async () => {
  const supervision = createSupervision(() => {})
  supervision.run('slow', { pauseMs: 60_000 }, async () => {})
  supervision.watch(
    new Promise<void>(resolve => {
      supervision.signal.addEventListener('abort', () => resolve())
    }),
  )
  await sleep(1)
  await supervision.stop()

  const failing = createSupervision(() => {})
  failing.watch(Promise.reject(new Error('it differs')))
  await expect(failing.failed).rejects.toThrow('it differs')
})

it('notes what a part of its own loop waits for, since when it began to', () => {
  let nowMs = 0
  const supervision = createSupervision(
    () => {},
    () => nowMs,
  )
  supervision.note('verifier', 'no blob')
  nowMs = 5
  supervision.note('verifier', 'no block')
  expect(supervision.waiting).toEqual([{ part: 'verifier', reason: 'no block', sinceMs: 0 }])
  supervision.note('verifier', undefined)
  expect(supervision.waiting).toEqual([])
})

it('takes as many loops as a node has, and none for a leak of listeners', async () => {
  const supervision = createSupervision(() => {})
  expect(getMaxListeners(supervision.signal)).toBeGreaterThan(30)
  await supervision.stop()
})
