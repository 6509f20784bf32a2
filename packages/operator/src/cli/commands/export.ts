import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { controlStateHash, decodeControlState } from '@l2/control-chain'
import { homeFiles, openHome } from '../../home/home.js'
import { fingerprint } from '../chain-file.js'
import type { Command } from '../command.js'

export const export_: Command = {
  summary:
    'Writes out what is not secret of a home: where its control chain stands, or with --chain the chain without its operators.',
  options: {
    home: { type: 'string', value: 'DIR', isRequired: true, help: 'of the operator' },
    chain: { type: 'boolean', help: 'the chain, for "init", "collect" and "testnet"' },
  },
  async run(input) {
    const { path, config, genesis } = openHome(resolve(input.text('home')))
    if (input.flag('chain')) {
      const { operators: _, control, ...rest } = genesis
      const { chainId: __, genesisTimeSeconds: ___, ...rules } = control
      const chain = { ...rest, control: rules }
      return { json: chain, lines: [JSON.stringify(chain)] }
    }
    const statePath = join(path, homeFiles.controlState)
    const state = existsSync(statePath) ? decodeControlState(new Uint8Array(readFileSync(statePath))) : undefined
    const standing =
      state === undefined
        ? null
        : {
            height: state.height,
            hash: controlStateHash(state),
            term: state.view,
            milestone: { number: state.milestone.height, hash: state.milestone.hash },
          }
    const json = {
      operator: config.id,
      genesis: fingerprint(JSON.stringify(genesis)),
      control: standing,
      operators: genesis.operators,
    }
    return {
      json,
      lines: [
        `operator ${config.id} of ${genesis.operators.length}, genesis ${json.genesis}`,
        standing === null
          ? 'its control chain has not begun'
          : `control block ${standing.height}, state ${standing.hash}, term ${standing.term}, milestone ${standing.milestone.number}`,
      ],
    }
  },
}
