#!/usr/bin/env node
import { runCli } from '../cli/main.js'

const io = {
  out: (text: string): void => void process.stdout.write(text),
  error: (text: string): void => void process.stderr.write(text),
  nowMs: () => Date.now(),
}
// What it ran may have left a timer or a socket: the program ends all the same.
process.exit(await runCli(process.argv.slice(2), io))
