import { runs, seededRandom } from '@l2/common/testing'
import fc from 'fast-check'
import type { Hex } from 'viem'
import { describe, expect, it } from 'vitest'
import type { Frame } from './frame.js'
import { createChannelAssembler, pruneFrames } from './frame-queue.js'

/** `b1!` is the last frame of channel b, number 1. */
function frames(text: string): Frame[] {
  return text
    .split(' ')
    .filter(each => each !== '')
    .map(each => ({
      channelId: `0x${each[0]!.charCodeAt(0).toString(16).repeat(16)}` as Hex,
      frameNumber: Number.parseInt(each.slice(1), 10),
      data: Uint8Array.of(each.charCodeAt(0), each.charCodeAt(1)),
      isLast: each.endsWith('!'),
    }))
}

function text(list: readonly Frame[]): string {
  return list
    .map(frame => `${String.fromCharCode(frame.data[0]!)}${frame.frameNumber}${frame.isLast ? '!' : ''}`)
    .join(' ')
}

/** The rule as the specification words it: pair by pair, starting over at the pair after every removal. */
function pruneByTheBook(list: readonly Frame[]): Frame[] {
  const queue = [...list]
  for (let i = 0; i < queue.length - 1; ) {
    const current = queue[i]!
    const next = queue[i + 1]!
    if (current.channelId === next.channelId) {
      if (current.isLast || next.frameNumber !== current.frameNumber + 1) queue.splice(i + 1, 1)
      else i++
    } else if (next.frameNumber !== 0) queue.splice(i + 1, 1)
    else if (!current.isLast) {
      let first = i
      while (first > 0 && queue[first - 1]!.channelId === current.channelId) first--
      queue.splice(first, i - first + 1)
      i = Math.max(0, first - 1)
    } else i++
  }
  return queue
}

const cases: [string, string][] = [
  ['a2! b0', 'a2! b0'],
  ['a2! b1', 'a2!'],
  ['b1 a2!', 'b1'],
  ['b1 a0', 'a0'],
  ['b1! a0', 'b1! a0'],
  ['b1! b2', 'b1!'],
  ['b1 b3', 'b1'],
  ['b1 c3', 'b1'],
  ['b1 c3 b2!', 'b1 b2!'],
  ['b1 b3! b2 b3!', 'b1 b2 b3!'],
  ['c0 c1 c2 d0 c3!', 'd0'],
  ['b1 b2! a0 c1! a1 a2! c0 c1 d0 c2! e0', 'b1 b2! a0 a1 a2! e0'],
]

describe('pruneFrames', () => {
  it.each(cases)('%s becomes %s', (given, expected) => {
    expect(text(pruneFrames([], frames(given)))).toBe(expected)
    expect(text(pruneByTheBook(frames(given)))).toBe(expected)
  })

  it('does what the specification says, however the frames are spread over transactions', () => {
    fc.assert(
      fc.property(fc.integer(), seed => {
        const random = seededRandom(seed)
        const names = Array.from({ length: random.below(30) }, () => {
          return `${random.pick(['a', 'b', 'c'])}${random.below(4)}${random.bool(0.3) ? '!' : ''}`
        })
        const list = frames(names.join(' '))
        const cut = random.below(list.length + 1)
        const atOnce = text(pruneFrames([], list))
        expect(atOnce).toBe(text(pruneByTheBook(list)))
        const first = pruneFrames([], list.slice(0, cut))
        expect(text(pruneFrames(first, list.slice(cut)))).toBe(text(pruneByTheBook([...first, ...list.slice(cut)])))
      }),
      { numRuns: runs({ suite: 2_000, soak: 40_000 }) },
    )
  })
})

describe('channel assembler', () => {
  const rules = { channelTimeoutBlocks: 50n, maxChannelBytes: 1000 }

  it('puts channels together one after the other, over several transactions', () => {
    const assembler = createChannelAssembler()
    assembler.enqueue(frames('a0 a1'))
    expect(assembler.next(1n, rules)).toBeUndefined()
    expect(assembler.staged).toBe(frames('a0')[0]!.channelId)
    assembler.enqueue(frames('a2! b0!'))
    expect(assembler.next(2n, rules)).toMatchObject({
      openedAtBlock: 1n,
      data: Uint8Array.from([97, 48, 97, 49, 97, 50]),
    })
    expect(assembler.staged).toBeUndefined()
    expect(assembler.queued).toBe(1)
    expect(assembler.next(2n, rules)).toMatchObject({ openedAtBlock: 2n })
    expect(assembler.next(2n, rules)).toBeUndefined()
  })

  it('replaces an open channel by a first frame, its own included', () => {
    const assembler = createChannelAssembler()
    assembler.enqueue(frames('a0'))
    assembler.next(1n, rules)
    assembler.enqueue(frames('a0'))
    assembler.next(3n, rules)
    assembler.enqueue(frames('a1!'))
    expect(assembler.next(4n, rules)).toMatchObject({ openedAtBlock: 3n, data: Uint8Array.from([97, 48, 97, 49]) })
    assembler.enqueue(frames('b0'))
    assembler.next(5n, rules)
    assembler.enqueue(frames('c0!'))
    expect(assembler.next(5n, rules)).toMatchObject({ channelId: frames('c0')[0]!.channelId })
  })

  it('drops frames without their channel, out of order, or of another channel', () => {
    const assembler = createChannelAssembler()
    assembler.enqueue(frames('a1!'))
    expect(assembler.next(1n, rules)).toBeUndefined()
    assembler.enqueue(frames('a0'))
    assembler.next(1n, rules)
    for (const wrong of ['a2!', 'b1!']) {
      assembler.enqueue(frames(wrong))
      expect(assembler.next(1n, rules)).toBeUndefined()
    }
    assembler.enqueue(frames('a1!'))
    expect(assembler.next(1n, rules)).toMatchObject({ data: Uint8Array.from([97, 48, 97, 49]) })
  })

  it('drops the open channel in the block after its timeout', () => {
    const inTime = createChannelAssembler()
    inTime.enqueue(frames('a0'))
    inTime.next(100n, rules)
    inTime.enqueue(frames('a1!'))
    expect(inTime.next(150n, rules)).toBeDefined()
    const late = createChannelAssembler()
    late.enqueue(frames('a0'))
    late.next(100n, rules)
    late.enqueue(frames('a1!'))
    expect(late.next(151n, rules)).toBeUndefined()
    expect(late.staged).toBeUndefined()
  })

  it('drops a channel that grows beyond the limit, overhead of 200 a frame included', () => {
    const assembler = createChannelAssembler()
    assembler.enqueue(frames('a0 a1 a2 a3'))
    expect(assembler.next(1n, { ...rules, maxChannelBytes: 4 * 202 })).toBeUndefined()
    expect(assembler.staged).toBeDefined()
    assembler.enqueue(frames('a4!'))
    expect(assembler.next(1n, { ...rules, maxChannelBytes: 4 * 202 })).toBeUndefined()
    expect(assembler.staged).toBeUndefined()
  })
})
