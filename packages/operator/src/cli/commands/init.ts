import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { isIP } from 'node:net'
import { join, resolve } from 'node:path'
import { bytesToHex } from '@l2/common'
import { encodeRegistration, type OperatorPublicKeys, signRegistration } from '@l2/control-chain'
import { cometNodeId, createCometKey, writeCometKeys } from '@l2/control-chain/cometbft'
import { writeFileDurably } from '@l2/node'
import type { Address } from 'viem'
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts'
import { refuse } from '../../errors.js'
import { homeFiles } from '../../home/home.js'
import { encryptKeystore } from '../../keys/keystore.js'
import {
  type AccountRole,
  type EngineRole,
  enginePublicKey,
  type KeyPlace,
  type KeyPlaces,
  keyPlacesFile,
  openAccount,
  openEngineKey,
  signWithEngineKey,
} from '../../keys/places.js'
import { readSecretFile, writeSecretFile } from '../../keys/secret-file.js'
import { signBytesWith } from '../../keys/web3signer.js'
import { fingerprint, readChainFile } from '../chain-file.js'
import { type Command, type CommandInput, weiAmount, wholeNumber, wrongUsage } from '../command.js'
import { type PublicPart, registrationText } from '../public-part.js'

/** Files of a home that waits for its genesis. */
export const draftFiles = { public: 'public.json', draft: 'draft.json' } as const

const defaultPorts = { rpc: 8545, comet: 26_656, gossip: 9_000 } as const

/** Costs of opening a keystore: what is guessed at is a password that people chose, and not one of 192 random bits. */
const costs = { given: 2 ** 18, made: 2 ** 12 } as const

/** A multiaddr of a host. */
export function multiaddrOf(host: string, port: number): string {
  const family = isIP(host)
  return `/${family === 4 ? 'ip4' : family === 6 ? 'ip6' : 'dns'}/${host}/tcp/${port}`
}

/** Makes the keys that are not in a signing service: one keystore each, under one password. */
async function makeKeys(
  home: string,
  { passwordFile, scryptCost }: { passwordFile: string; scryptCost: number },
  remote: Partial<Record<AccountRole, KeyPlace>>,
): Promise<KeyPlaces> {
  const password = readSecretFile(resolve(home, passwordFile))
  const keystore = async (role: AccountRole | EngineRole): Promise<KeyPlace> => {
    const isAccount = role === 'owner' || role === 'header' || role === 'poster'
    const secret = isAccount ? Buffer.from(generatePrivateKey().slice(2), 'hex') : randomBytes(32)
    const publicName = isAccount ? privateKeyToAddress(bytesToHex(secret)) : enginePublicKey(secret)
    const text = await encryptKeystore({
      secret: new Uint8Array(secret),
      password,
      form: isAccount ? 'account' : 'other',
      publicName,
      description: `l2-operator ${role}`,
      scryptCost,
    })
    const path = `keys/${role}.json`
    writeSecretFile(join(home, path), text)
    return { type: 'keystore', path, passwordFile }
  }
  return {
    version: 1,
    owner: remote.owner ?? (await keystore('owner')),
    header: remote.header ?? (await keystore('header')),
    poster: remote.poster ?? (await keystore('poster')),
    comet: await keystore('comet'),
    network: await keystore('network'),
  }
}

function remoteKeys(input: CommandInput): Partial<Record<AccountRole, KeyPlace>> {
  const url = input.optional('signer')
  const found: Partial<Record<AccountRole, KeyPlace>> = {}
  for (const role of ['owner', 'header', 'poster'] as const) {
    const publicKey = input.optional(`${role}-key`)
    if (publicKey === undefined) continue
    if (url === undefined) wrongUsage(`--${role}-key names a key of a signing service: --signer says where it is`)
    const caFile = input.optional('signer-ca')
    found[role] = {
      type: 'web3signer',
      url,
      publicKey: publicKey as `0x${string}`,
      ...(caFile === undefined ? {} : { tls: { caFile: resolve(caFile) } }),
    }
  }
  return found
}

export const init: Command = {
  summary: 'Makes a home with new keys, and the public part that the others need of it.',
  options: {
    home: { type: 'string', value: 'DIR', isRequired: true, help: 'made; must not hold an operator' },
    chain: { type: 'string', value: 'FILE', isRequired: true, help: 'the chain, as "export --chain" writes it' },
    host: { type: 'string', value: 'NAME', isRequired: true, help: 'this machine, as the other operators reach it' },
    name: { type: 'string', value: 'NAME', isRequired: true, help: 'what people call this operator' },
    stake: { type: 'string', value: 'WEI', isRequired: true, help: 'what it stakes at genesis' },
    l1: { type: 'string', value: 'URL', isRequired: true, help: 'JSON-RPC of an L1 node' },
    beacon: { type: 'string', value: 'URL', help: 'beacon REST of L1, where that is another address' },
    listen: { type: 'string', value: 'ADDRESS', help: 'of this machine, for the other operators; 0.0.0.0 by default' },
    'rpc-host': { type: 'string', value: 'ADDRESS', help: 'where users ask it; 127.0.0.1 by default' },
    'rpc-port': { type: 'string', value: 'PORT', help: `for users; ${defaultPorts.rpc} by default` },
    'comet-port': { type: 'string', value: 'PORT', help: `of the consensus engine; ${defaultPorts.comet} by default` },
    'gossip-port': {
      type: 'string',
      value: 'PORT',
      help: `of blocks and transactions; ${defaultPorts.gossip} by default`,
    },
    'password-file': {
      type: 'string',
      value: 'FILE',
      help: 'opens the keystores, mode 0600; made in the home by default',
    },
    signer: { type: 'string', value: 'URL', help: 'a signing service with the API of Web3Signer' },
    'signer-ca': { type: 'string', value: 'FILE', help: 'who issued its certificate, PEM' },
    'owner-key': { type: 'string', value: 'HEX', help: 'public key in the service that holds the stake' },
    'header-key': { type: 'string', value: 'HEX', help: 'public key in the service that signs headers' },
    'poster-key': { type: 'string', value: 'HEX', help: 'public key in the service that posts to L1' },
  },
  async run(input) {
    const home = resolve(input.text('home'))
    const { domain } = readChainFile(input.text('chain'))
    const port = (name: keyof typeof defaultPorts): number =>
      wholeNumber(`${name}-port`, input.optional(`${name}-port`) ?? String(defaultPorts[name]), 1, 65_535)
    const [rpcPort, cometPort, gossipPort] = [port('rpc'), port('comet'), port('gossip')]
    const stakeWei = weiAmount('stake', input.text('stake'))
    const remote = remoteKeys(input)
    const [host, listen] = [input.text('host'), input.optional('listen') ?? '0.0.0.0']
    for (const file of [keyPlacesFile, homeFiles.config, 'keys']) {
      if (existsSync(join(home, file))) refuse('HOME_INVALID', `${home} holds an operator already, and stays`)
    }
    mkdirSync(join(home, 'keys'), { recursive: true, mode: 0o700 })
    const given = input.optional('password-file')
    const passwordFile = given === undefined ? 'keys/password' : resolve(given)
    if (given === undefined) writeSecretFile(join(home, passwordFile), randomBytes(24).toString('hex'))
    const scryptCost = given === undefined ? costs.made : costs.given
    const places = await makeKeys(home, { passwordFile, scryptCost }, remote)
    const node = createCometKey()
    writeCometKeys(join(home, homeFiles.comet), { node })
    const registration = await register(home, places, domain)
    const part: PublicPart = {
      version: 1,
      name: input.text('name'),
      stakeWei: String(stakeWei),
      cometAddress: `${cometNodeId(node.publicKey)}@${host}:${cometPort}`,
      gossipAddresses: [multiaddrOf(host, gossipPort)],
      registration: registrationText(registration),
    }
    const beacon = input.optional('beacon')
    const draft = {
      version: 1,
      l1: input.text('l1'),
      ...(beacon === undefined ? {} : { beacon }),
      rpc: { host: input.optional('rpc-host') ?? '127.0.0.1', port: rpcPort },
      cometListen: `${listen}:${cometPort}`,
      gossipListen: [multiaddrOf(listen, gossipPort)],
    }
    const text = `${JSON.stringify(part, undefined, 2)}\n`
    writeFileDurably(join(home, draftFiles.public), text)
    writeFileDurably(join(home, draftFiles.draft), `${JSON.stringify(draft, undefined, 2)}\n`)
    writeFileDurably(join(home, keyPlacesFile), `${JSON.stringify(places, undefined, 2)}\n`)
    return {
      json: { home, public: part, fingerprint: fingerprint(text) },
      lines: [
        `${home} is made; its keys are in it and nowhere else: keep a copy of ${join(home, 'keys')}`,
        `send ${join(home, draftFiles.public)} to the others (fingerprint ${fingerprint(text)})`,
      ],
    }
  },
}

async function register(
  home: string,
  places: KeyPlaces,
  domain: { chainId: bigint; rollup: Address },
): Promise<Uint8Array> {
  const [owner, header, poster] = [
    await openAccount(home, places, 'owner'),
    await openAccount(home, places, 'header'),
    await openAccount(home, places, 'poster'),
  ]
  const [comet, network] = [await openEngineKey(home, places, 'comet'), await openEngineKey(home, places, 'network')]
  const keys: OperatorPublicKeys = {
    owner: owner.address,
    header: header.address,
    comet: bytesToHex(comet.publicKey),
    poster: poster.address,
    network: bytesToHex(network.publicKey),
    attestation: { type: 'header' },
  }
  const signed = await signRegistration(
    { registration: { keys, sequence: 1n }, domain },
    {
      owner: message => signBytesWith(owner, message),
      header: message => signBytesWith(header, message),
      comet: message => signWithEngineKey(comet, message),
      poster: message => signBytesWith(poster, message),
      network: message => signWithEngineKey(network, message),
    },
  )
  return encodeRegistration(signed)
}
