import { readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { bytesToHex, hexToBytes } from '@l2/common'
import { decodeRegistration, type OperatorPublicKeys } from '@l2/control-chain'
import { refuse } from '../../errors.js'
import { type KeyPlace, openAccount, openEngineKey, readKeyPlaces } from '../../keys/places.js'
import { signBytesWith } from '../../keys/web3signer.js'
import { readJsonFile } from '../chain-file.js'
import { type Command, exitCodes } from '../command.js'
import type { PublicPart } from '../public-part.js'
import { draftFiles } from './init.js'

const accounts = ['owner', 'header', 'poster'] as const
const engineKeys = ['comet', 'network'] as const

function placeText(place: KeyPlace): string {
  return place.type === 'keystore' ? place.path : `${new URL(place.url).origin} (signing service)`
}

/** Files of the home's keys that others may read. */
function exposed(home: string): string[] {
  const folder = join(home, 'keys')
  return readdirSync(folder)
    .map(name => join(folder, name))
    .filter(path => process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0)
}

export const keys: Command = {
  summary: 'Shows the public keys of a home and where each one is; with --check each signs something and is compared.',
  options: {
    home: { type: 'string', value: 'DIR', isRequired: true, help: 'made by "init"' },
    check: { type: 'boolean', help: 'opens every keystore and asks every signing service' },
  },
  async run(input) {
    const home = resolve(input.text('home'))
    const places = readKeyPlaces(home)
    if (places === undefined)
      refuse('HOME_INVALID', `${home} has no keys.json: its keys are plain files, for development`)
    const publicPath = join(home, draftFiles.public)
    const registered = readPublicKeys(readJsonFile(publicPath) as PublicPart, publicPath)
    const problems = exposed(home).map(path => `others may read ${path}`)
    const rows: { role: string; publicKey: string; where: string }[] = []
    for (const role of [...accounts, ...engineKeys]) {
      const place = places[role]
      if (place === undefined) continue
      rows.push({ role, publicKey: registered[role], where: placeText(place) })
      if (!input.flag('check')) continue
      const found = await check(home, role).catch((error: Error) => {
        problems.push(`${role}: ${error.message.split('\n', 1)[0]}`)
        return registered[role]
      })
      if (found !== registered[role]) problems.push(`${role}: the key is ${found}, registered is ${registered[role]}`)
    }
    return {
      code: problems.length === 0 ? exitCodes.done : exitCodes.failed,
      json: { keys: rows, problems },
      lines: [
        ...rows.map(({ role, publicKey, where }) => `${role.padEnd(8)} ${publicKey}  ${where}`),
        ...problems.map(problem => `problem: ${problem}`),
      ],
    }

    async function check(
      directory: string,
      role: (typeof accounts)[number] | (typeof engineKeys)[number],
    ): Promise<string> {
      if (role === 'comet' || role === 'network') {
        return bytesToHex((await openEngineKey(directory, places!, role)).publicKey)
      }
      const account = await openAccount(directory, places!, role)
      await signBytesWith(account, new TextEncoder().encode('l2-operator keys --check'))
      return account.address.toLowerCase()
    }
  },
}

/** Out of the public part of an own home, whose registration was checked when it was made. */
function readPublicKeys(part: PublicPart, where: string): Omit<OperatorPublicKeys, 'attestation'> {
  const registration = decodeRegistration(hexToBytes(String(part.registration)) ?? new Uint8Array())
  return registration?.keys ?? refuse('HOME_INVALID', `${where} holds no registration`)
}
