import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { writeFileDurably } from '@l2/node'
import { refuse } from '../../errors.js'
import { writeTestnet } from '../../home/testnet.js'
import { readChainFile } from '../chain-file.js'
import { type Command, weiAmount, wholeNumber, wrongUsage } from '../command.js'

/** A file in each home of a test network. */
export const testnetLabel = 'ONE-MACHINE-HELD-ALL-KEYS'
const labelText =
  'This network was made by one machine, which held the keys of all its operators: as far as trust goes they are one.\n' +
  'Operators who are to be several make their keys themselves: l2-operator init, export-public, collect, join.\n'

export const testnet: Command = {
  summary: 'Makes the homes of a test network, all keys on this machine: several operators in form, one in trust.',
  options: {
    n: { type: 'string', value: 'COUNT', isRequired: true, help: 'of operators, 1 to 100' },
    hosts: { type: 'string', value: 'A,B,…', isRequired: true, help: 'their machines, one address each' },
    chain: { type: 'string', value: 'FILE', isRequired: true, help: 'the chain, as "export --chain" writes it' },
    out: { type: 'string', value: 'DIR', isRequired: true, help: 'homes are made in it: operator-1 and so on' },
    l1: { type: 'string', value: 'URL', isRequired: true, help: 'JSON-RPC of an L1 node that all of them reach' },
    beacon: { type: 'string', value: 'URL', help: 'beacon REST of L1, where that is another address' },
    stake: { type: 'string', value: 'WEI', help: 'of each alike; 20000 METIS by default' },
    'rpc-port': { type: 'string', value: 'PORT', help: 'of the first one on a machine; 8545 by default' },
    'comet-port': { type: 'string', value: 'PORT', help: 'of the first one on a machine; 26656 by default' },
    'gossip-port': { type: 'string', value: 'PORT', help: 'of the first one on a machine; 9000 by default' },
  },
  async run(input) {
    const count = wholeNumber('n', input.text('n'), 1, 100)
    const hosts = input.text('hosts').split(',')
    if (hosts.length !== count) wrongUsage(`--hosts has ${hosts.length} addresses, --n is ${count}`)
    const strange = hosts.find(host => !/^(\d{1,3}\.){3}\d{1,3}$/.test(host))
    if (strange !== undefined) wrongUsage(`--hosts expected IPv4 addresses, got "${strange}"`)
    const { chain } = readChainFile(input.text('chain'))
    const directory = resolve(input.text('out'))
    if (existsSync(join(directory, 'operator-1')))
      refuse('HOME_INVALID', `${directory} holds a network already, and stays`)
    const port = (name: string, first: number): number =>
      wholeNumber(`${name}-port`, input.optional(`${name}-port`) ?? String(first), 1, 65_435)
    const [rpc, comet, gossip] = [port('rpc', 8545), port('comet', 26_656), port('gossip', 9_000)]
    const { identity, l2Genesis, rollup, control, admin } = chain
    const beacon = input.optional('beacon')
    const homes = await writeTestnet({
      directory,
      hosts: hosts.map((host, index) => {
        // Several on one machine have ports beside each other.
        const before = hosts.slice(0, index).filter(other => other === host).length
        return { host, rpcPort: rpc + before, cometPort: comet + before, gossipPort: gossip + before }
      }),
      stakeWei: weiAmount('stake', input.optional('stake') ?? String(20_000n * 10n ** 18n)),
      l1: input.text('l1'),
      ...(beacon === undefined ? {} : { beacon }),
      genesis: { identity, l2Genesis, rollup },
      control,
      admin,
    })
    const strangers =
      chain.posting === undefined
        ? []
        : ['the committee on L1 is of other keys: here nobody attests, and batches are nobody’s to post']
    for (const home of homes) writeFileDurably(join(home, testnetLabel), labelText)
    return {
      json: { homes, label: testnetLabel, oneMachineHeldAllKeys: true },
      lines: [
        ...homes.map((home, index) => `${hosts[index]}: l2-operator run --home ${home}`),
        ...strangers,
        'a test network: this machine held all the keys, so as far as trust goes these operators are one',
      ],
    }
  },
}
