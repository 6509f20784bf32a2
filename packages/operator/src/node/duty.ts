import type { Check, SequencerLoop } from '@l2/node'
import type { Machine } from './machine.js'

/** Whether this machine works for its operator, or stands by while another one does. */
export type Duty = {
  readonly isOn: boolean
  /**
   * Takes what another machine has put into the log, and goes on or off duty with the lease. Never beside anything that makes blocks.
   *
   * @returns why this machine makes none; `undefined` where it is on duty
   */
  step(): Promise<string | undefined>
  /** Whether the database answers, for whoever watches. */
  check(): Check
}

export type DutyParts = {
  /** `undefined` where the operator has one machine only. */
  machine: Pick<Machine, 'name' | 'lease'> | undefined
  sequencer: Pick<SequencerLoop, 'readLog' | 'takeOver' | 'head'>
  /** Takes its place among the peers, and gives it up: only one machine has it. Both may be called again. */
  begin(): Promise<void>
  end(): Promise<void>
  say(message: string): void
  /** Monotonic. */
  nowMs?: (() => number) | undefined
}

/** Without a lease for so long, another machine has it or will. */
const graceMs = 1_000

export function createDuty(parts: DutyParts): Duty {
  const { machine, sequencer, begin, end, say, nowMs = () => performance.now() } = parts
  /** Of the lease under which this machine works; `undefined` while it does not. */
  let epoch: bigint | undefined
  let isBegun = false
  let trouble: string | undefined
  let lostAtMs: number | undefined

  const goOff = async (): Promise<void> => {
    epoch = undefined
    if (!isBegun) return
    say('another machine of this operator leads: this one stands by')
    isBegun = false
    await end()
  }
  const step = async (): Promise<string | undefined> => {
    if (machine === undefined) {
      if (!isBegun) await begin()
      isBegun = true
      return undefined
    }
    const lease = machine.lease()
    if (lease !== undefined && lease.epoch === epoch) return undefined
    // Lost for a moment, and to nobody, it is had again with the next epoch: peers need not know of it.
    lostAtMs ??= nowMs()
    const isReplaced = lease !== undefined && epoch !== undefined && lease.epoch > epoch + 1n
    if (isReplaced || nowMs() - lostAtMs > graceMs) await goOff()
    while (await sequencer.readLog()) {
      // As far as there is something.
    }
    const now = machine.lease()
    if (now === undefined || now.epoch !== lease?.epoch) return 'another machine of this operator leads, or none yet'
    await sequencer.takeOver()
    if (!isBegun) {
      await begin()
      isBegun = true
      say(`this machine leads from block ${sequencer.head.number + 1n} on (lease ${now.epoch})`)
    }
    epoch = now.epoch
    lostAtMs = undefined
    return undefined
  }
  return {
    get isOn() {
      return machine === undefined ? isBegun : epoch !== undefined && machine.lease()?.epoch === epoch
    },
    async step() {
      try {
        const reason = await step()
        trouble = undefined
        return reason
      } catch (error) {
        trouble = (error as Error).message.split('\n', 1)[0]
        throw error
      }
    },
    check: () => (trouble === undefined ? { ok: true } : { ok: false, reason: trouble }),
  }
}
