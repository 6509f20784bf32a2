import { seededRandom } from '@l2/common/testing'
import fc from 'fast-check'
import type { Hex } from 'viem'
import { describe, expect, it } from 'vitest'
import type { ReadyChannel } from './channel.js'
import { createChannelBank } from './channel-bank.js'
import type { Frame } from './frame.js'
import { createChannelAssembler } from './frame-queue.js'

const rules = { channelTimeoutBlocks: 10n, maxBankBytes: 1_000_000, readAnyReady: true }
const bedrock = { ...rules, readAnyReady: false }

/** `b1!:x` is the last frame of channel b, number 1, with data "x". */
function frame(text: string): Frame {
  const [head, data = head!] = text.split(':')
  return {
    channelId: `0x${head!.charCodeAt(0).toString(16).repeat(16)}` as Hex,
    frameNumber: Number.parseInt(head!.slice(1), 10),
    data: new TextEncoder().encode(data.replace('!', '')),
    isLast: head!.endsWith('!'),
  }
}

const said = (channel: ReadyChannel | undefined): string | undefined =>
  channel && new TextDecoder().decode(channel.data)

describe('channel bank', () => {
  it('takes frames in any order', () => {
    const bank = createChannelBank()
    for (const each of ['a2!', 'a0', 'a1']) expect(bank.add(frame(each), 1n, rules)).toBeUndefined()
    expect(said(bank.read(1n, rules))).toBe('a0a1a2')
    expect([bank.channelCount, bank.size]).toEqual([0, 0])
  })

  it('names the reason of a refusal', () => {
    const bank = createChannelBank()
    bank.add(frame('a0'), 1n, rules)
    expect(bank.add(frame('a0'), 1n, rules)).toBe('duplicate')
    expect(bank.add(frame('a5!'), 1n, rules)).toBeUndefined()
    expect(bank.add(frame('a6!'), 1n, rules)).toBe('second-last')
    expect(bank.add(frame('a7'), 1n, rules)).toBe('beyond-last')
    expect(bank.add(frame('a1'), 12n, rules)).toBe('channel-timed-out')
    expect(bank.add(frame('a1'), 11n, rules)).toBeUndefined()
  })

  it('drops what was buffered beyond the last frame, and charges for it as op-node does', () => {
    const bank = createChannelBank()
    for (const each of ['a0', 'a1', 'a3', 'a4']) bank.add(frame(each), 1n, rules)
    expect(bank.size).toBe(4 * 202)
    bank.add(frame('a2!'), 1n, rules)
    // Frames 0 and 1 are still there, and no longer charged for.
    expect(bank.size).toBe(202)
    expect(said(bank.read(1n, rules))).toBe('a0a1a2')
    expect(bank.size).toBe(0)
  })

  it('reads the oldest channel only before Canyon, any complete one after', () => {
    const fill = () => {
      const bank = createChannelBank()
      for (const each of ['a0', 'b0!', 'c0!']) bank.add(frame(each), 1n, rules)
      return bank
    }
    expect(fill().read(1n, bedrock)).toBeUndefined()
    const bank = fill()
    expect(said(bank.read(1n, rules))).toBe('b0')
    expect(said(bank.read(1n, rules))).toBe('c0')
    expect(bank.read(1n, rules)).toBeUndefined()
    bank.add(frame('a1!'), 2n, rules)
    expect(said(bank.read(2n, bedrock))).toBe('a0a1')
  })

  it('drops timed-out channels, the complete ones among them', () => {
    const bank = createChannelBank()
    bank.add(frame('a0'), 1n, rules)
    bank.add(frame('b0!'), 2n, rules)
    bank.add(frame('c0!'), 12n, rules)
    // a is timed out, b not quite.
    expect(said(bank.read(12n, bedrock))).toBe('b0')
    expect(bank.channelCount).toBe(1)
    const late = createChannelBank()
    late.add(frame('b0!'), 2n, rules)
    expect(late.read(13n, rules)).toBeUndefined()
    expect(late.channelCount).toBe(0)
  })

  it('drops the oldest channels when it is full, the one just added if need be', () => {
    const bank = createChannelBank()
    const small = { ...rules, maxBankBytes: 3 * 202 }
    for (const each of ['a0!', 'b0!', 'c0!']) bank.add(frame(each), 1n, small)
    expect(bank.channelCount).toBe(3)
    bank.add(frame('d0!'), 1n, small)
    expect(said(bank.read(1n, small))).toBe('b0')
    const tiny = createChannelBank()
    tiny.add(frame('a0!'), 1n, { ...rules, maxBankBytes: 201 })
    expect([tiny.channelCount, tiny.size]).toEqual([0, 0])
  })

  it('stands a million channels in bounded time and memory', () => {
    const bank = createChannelBank()
    const full = { ...rules, maxBankBytes: 200 * 1000 }
    const data = new Uint8Array()
    for (let i = 0; i < 1_000_000; i++) {
      const channelId = `0x${i.toString(16).padStart(32, '0')}` as Hex
      bank.add({ channelId, frameNumber: 0, data, isLast: false }, 1n, full)
      if (i % 10 === 0) bank.read(1n, full)
    }
    expect(bank.channelCount).toBe(1000)
  })

  it('finds the same channels however legal frames are interleaved', () => {
    fc.assert(
      fc.property(fc.integer(), seed => {
        const random = seededRandom(seed)
        const names = ['a', 'b', 'c', 'd'].slice(0, 1 + random.below(4))
        const sets = names.map(name => {
          const count = 1 + random.below(5)
          return Array.from({ length: count }, (_, i) => frame(`${name}${i}${i === count - 1 ? '!' : ''}`))
        })
        const expected = new Set(sets.map(set => set.map(each => new TextDecoder().decode(each.data)).join('')))
        const shuffled = sets.flat()
        for (let i = shuffled.length - 1; i > 0; i--) {
          const j = random.below(i + 1)
          ;[shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!]
        }
        const bank = createChannelBank()
        const found = new Set<string>()
        for (const each of shuffled) {
          bank.add(each, 1n, rules)
          const ready = bank.read(1n, rules)
          if (ready !== undefined) found.add(said(ready)!)
        }
        expect(found).toEqual(expected)
        expect([bank.channelCount, bank.size]).toEqual([0, 0])
      }),
    )
  })

  it('agrees with the Holocene assembler on channels sent in order', () => {
    fc.assert(
      fc.property(fc.integer(), seed => {
        const random = seededRandom(seed)
        const bank = createChannelBank()
        const assembler = createChannelAssembler()
        const fromBank: unknown[] = []
        const fromAssembler: unknown[] = []
        const holocene = { channelTimeoutBlocks: 10n, maxChannelBytes: 1_000_000 }
        let l1Block = 1n
        for (const name of ['a', 'b', 'c', 'd', 'e']) {
          const count = 1 + random.below(6)
          for (let i = 0; i < count; i++) {
            const each = frame(`${name}${i}${i === count - 1 ? '!' : ''}`)
            if (random.bool(0.3)) l1Block++
            bank.add(each, l1Block, rules)
            assembler.enqueue([each])
            const a = bank.read(l1Block, random.bool() ? rules : bedrock)
            const b = assembler.next(l1Block, holocene)
            if (a !== undefined) fromBank.push(a)
            if (b !== undefined) fromAssembler.push(b)
          }
        }
        expect(fromBank).toEqual(fromAssembler)
        expect(fromBank.length).toBe(5)
      }),
    )
  })
})
