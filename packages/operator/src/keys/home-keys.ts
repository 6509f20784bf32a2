import { bytesToHex } from '@l2/common'
import { refuse } from '../errors.js'
import { type OperatorHome, type OperatorKeys, readHomeKeys } from '../home/home.js'
import { openAccount, openEngineKey, readKeyPlaces } from './places.js'

/**
 * The keys of a home, wherever `keys.json` says that they are; those of plain files where there is none.
 *
 * @throws OperatorError `HOME_INVALID`, `KEYSTORE_INVALID`, `PASSWORD_WRONG`, `CONFIG_INVALID`; `NOT_AN_OPERATOR` where
 * the genesis has other keys
 */
export async function openHomeKeys(home: OperatorHome): Promise<OperatorKeys> {
  const { path, config, genesis } = home
  const places = readKeyPlaces(path)
  if (places === undefined) return readHomeKeys(home)
  const entry = genesis.operators[config.id - 1]!
  const same = (role: string, found: string, expected: string): void => {
    if (found.toLowerCase() === expected) return
    refuse('NOT_AN_OPERATOR', `the key "${role}" of ${path} is ${found}, the genesis has ${expected}`)
  }
  const header = await openAccount(path, places, 'header')
  const poster = await openAccount(path, places, 'poster')
  const comet = await openEngineKey(path, places, 'comet')
  const network = await openEngineKey(path, places, 'network')
  same('header', header.address, entry.header)
  same('poster', poster.address, entry.poster)
  same('comet', bytesToHex(comet.publicKey), entry.comet)
  same('network', bytesToHex(network.publicKey), entry.network)
  const { publicKey, sign } = comet
  return { header, poster, network: network.secret, comet: { publicKey, sign } }
}
