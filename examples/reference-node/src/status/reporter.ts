import { toJson } from '@l2/common'
import type { Status } from '@l2/node'
import { screenLines, statusLine } from './screen.js'

/** How the node speaks to a person or a machine. */
export type Reporter = {
  /** One thing that happened. */
  say(message: string): void
  /** The present state, and how far the demonstration's money is; called every second. */
  show(status: Status, money?: string): void
  close(): void
}

/** A live screen in a terminal; it is redrawn in place, in the terminal's alternate buffer, and left as it was found. */
function screenReporter(out: NodeJS.WriteStream, now: () => number): Reporter {
  const messages: string[] = []
  let open = false
  let last: Status | undefined
  let lastMoney: string | undefined
  const draw = (): void => {
    if (last === undefined) return
    if (!open) out.write('\u001b[?1049h\u001b[?25l')
    open = true
    const width = out.columns ?? 100
    const lines = fit(screenLines(last, now(), messages, lastMoney), out.rows ?? 34)
    out.write(`\u001b[H${lines.map(line => `${clip(line, width)}\u001b[K`).join('\n')}\u001b[J`)
  }
  return {
    say: message => {
      if (last === undefined) out.write(`${message}\n`)
      messages.push(message)
      if (messages.length > 6) messages.shift()
      draw()
    },
    show: (status, money) => {
      last = status
      lastMoney = money
      draw()
    },
    close: () => {
      if (open) out.write('\u001b[?25h\u001b[?1049l')
      open = false
      last = undefined
    },
  }
}

/** Fits lines into a terminal that is too low for them: without the empty ones, and without what is left over at the bottom. */
function fit(lines: readonly string[], rows: number): readonly string[] {
  return lines.length <= rows ? lines : lines.filter(line => line !== '').slice(0, rows)
}

/** Cuts a line to the terminal's width without cutting an escape sequence. */
function clip(line: string, width: number): string {
  let shown = 0
  let out = ''
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what this looks for
  for (const part of line.split(/(\u001b\[[0-9;]*m)/)) {
    if (part.startsWith('\u001b')) out += part
    else {
      out += part.slice(0, Math.max(0, width - shown))
      shown += part.length
    }
  }
  return out
}

/** Plain lines for a log: what happens as it happens, the state every five seconds. */
function lineReporter(out: NodeJS.WritableStream, now: () => number): Reporter {
  let shown = 0
  return {
    say: message => void out.write(`${message}\n`),
    show: status => {
      if (now() - shown < 5_000) return
      shown = now()
      out.write(`${statusLine(status)}\n`)
    },
    close: () => {},
  }
}

/** One JSON object a line: `{"event": …}` and `{"status": …}`, bigints as decimal strings. */
function jsonReporter(out: NodeJS.WritableStream): Reporter {
  return {
    say: event => void out.write(`${toJson({ event })}\n`),
    show: status => void out.write(`${toJson({ status })}\n`),
    close: () => {},
  }
}

export function createReporter(json: boolean, out: NodeJS.WriteStream = process.stdout): Reporter {
  if (json) return jsonReporter(out)
  return out.isTTY ? screenReporter(out, Date.now) : lineReporter(out, Date.now)
}
