import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { writeFileDurably } from '@l2/node'
import { refuse } from '../../errors.js'
import { type OperatorGenesis, readGenesis, rulesOf } from '../../home/genesis.js'
import { homeFiles, type OperatorConfig, openHome, writeHome } from '../../home/home.js'
import { fingerprint, readChainFile, readJsonFile } from '../chain-file.js'
import { type Command, wholeNumber, wrongUsage } from '../command.js'
import { entryOf, readPublicPart } from '../public-part.js'
import { draftFiles } from './init.js'

export const exportPublic: Command = {
  summary: 'Shows the public part of a home: what the others need of it, with nothing secret in it.',
  options: { home: { type: 'string', value: 'DIR', isRequired: true, help: 'made by "init"' } },
  async run(input) {
    const path = join(resolve(input.text('home')), draftFiles.public)
    const json = readJsonFile(path)
    return { json, lines: [readFileSync(path, 'utf8').trimEnd()] }
  },
}

export const collect: Command = {
  summary:
    'Makes the genesis of public parts. Whoever collects the same ones with the same time gets the same genesis.',
  positionals: 'PUBLIC…',
  options: {
    chain: { type: 'string', value: 'FILE', isRequired: true, help: 'the chain, the same that "init" had' },
    out: { type: 'string', value: 'FILE', isRequired: true, help: 'the genesis; must not be there' },
    time: { type: 'string', value: 'SECONDS', help: 'when the control chain begins, since 1970; now by default' },
  },
  async run(input, io) {
    const { chain, domain } = readChainFile(input.text('chain'))
    const out = resolve(input.text('out'))
    if (input.positionals.length === 0) wrongUsage('the public parts are missing')
    if (existsSync(out)) refuse('CONFIG_INVALID', `${out} is there already, and stays`)
    const now = String(Math.floor(io.nowMs() / 1000))
    const seconds = wholeNumber('time', input.optional('time') ?? now, 1, 2 ** 40)
    const parts = input.positionals
      .map(path => readPublicPart(readJsonFile(path), path, domain))
      // The order of the command line must not matter.
      .sort((a, b) => (a.registration.keys.owner < b.registration.keys.owner ? -1 : 1))
    const owners = new Set(parts.map(({ registration }) => registration.keys.owner))
    if (owners.size < parts.length) refuse('CONFIG_INVALID', 'two public parts have one owner')
    const made: OperatorGenesis = {
      ...chain,
      control: {
        chainId: `control-${domain.chainId}`,
        genesisTimeSeconds: String(seconds),
        ...chain.control,
      },
      operators: parts.map((part, index) => entryOf(index + 1, part)),
    }
    // What a running operator would refuse is refused now.
    const genesis = readGenesis(JSON.parse(JSON.stringify(made)), out)
    rulesOf(genesis)
    const text = JSON.stringify(genesis)
    writeFileDurably(out, text)
    const operators = parts.map(({ part, registration }, index) => ({
      id: index + 1,
      name: part.name,
      owner: registration.keys.owner,
      stakeWei: part.stakeWei,
    }))
    return {
      json: { out, fingerprint: fingerprint(text), time: seconds, operators },
      lines: [
        ...operators.map(({ id, name, owner, stakeWei }) => `${id}  ${name}  ${owner}  ${stakeWei} wei`),
        `${out}: fingerprint ${fingerprint(text)}, time ${seconds}; every operator compares it before it joins`,
      ],
    }
  },
}

export const join_: Command = {
  summary: 'Gives a home its genesis: from then on it can be run.',
  options: {
    home: { type: 'string', value: 'DIR', isRequired: true, help: 'made by "init"' },
    genesis: { type: 'string', value: 'FILE', isRequired: true, help: 'made by "collect"' },
    fingerprint: { type: 'string', value: 'TEXT', help: 'what the others read aloud; another genesis is refused' },
  },
  async run(input) {
    const home = resolve(input.text('home'))
    const path = input.text('genesis')
    const genesis = readGenesis(readJsonFile(path), path)
    const print = fingerprint(JSON.stringify(genesis))
    const expected = input.optional('fingerprint')
    if (expected !== undefined && expected !== print) {
      refuse('CONFIG_INVALID', `${path} has the fingerprint ${print}, not ${expected}`)
    }
    const { domain } = readChainFile(path)
    const publicPath = join(home, draftFiles.public)
    const own = readPublicPart(readJsonFile(publicPath), publicPath, domain)
    const entry = genesis.operators.find(({ header }) => header === own.registration.keys.header)
    if (entry === undefined) refuse('NOT_AN_OPERATOR', `${path} does not have this operator`)
    if (JSON.stringify(entryOf(entry.id, own)) !== JSON.stringify(sorted(entry))) {
      refuse('NOT_AN_OPERATOR', `${path} has other keys or addresses of this operator than ${publicPath}`)
    }
    if (existsSync(join(home, homeFiles.genesis))) refuse('HOME_INVALID', `${home} has a genesis already, and keeps it`)
    const draft = readJsonFile(join(home, draftFiles.draft)) as OperatorConfig
    writeHome(home, { config: { ...draft, id: entry.id }, genesis })
    openHome(home)
    return {
      json: { home, id: entry.id, operators: genesis.operators.length, fingerprint: print },
      lines: [`operator ${entry.id} of ${genesis.operators.length}: l2-operator run --home ${home}`],
    }
  },
}

/** Its fields in the order in which {@link entryOf} has them. */
function sorted(entry: OperatorGenesis['operators'][number]): OperatorGenesis['operators'][number] {
  const { id, stakeWei, header, poster, comet, network, cometAddress, gossipAddresses } = entry
  return { id, stakeWei, header, poster, comet, network, cometAddress, gossipAddresses }
}
