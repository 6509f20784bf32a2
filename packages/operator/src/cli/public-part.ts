import { bytesToHex, hexToBytes } from '@l2/common'
import { readSchema } from '@l2/common/schema'
import { readRegistration, type SignedRegistration } from '@l2/control-chain'
import type { Address, Hex } from 'viem'
import * as z from 'zod/mini'
import { refuse } from '../errors.js'
import type { OperatorEntry } from '../home/genesis.js'

/** What an operator tells the others of itself: nothing in it is secret, and all its keys have signed that they belong together. */
export type PublicPart = {
  readonly version: 1
  /** What people call it. */
  readonly name: string
  readonly stakeWei: string
  readonly cometAddress: string
  readonly gossipAddresses: readonly string[]
  /** Bytes of a registration, hex. */
  readonly registration: Hex
}

const schema = /* @__PURE__ */ (() =>
  z.strictObject({
    version: z.literal(1),
    name: z.string().check(z.regex(/^[\p{L}\p{N} ._-]{1,64}$/u)),
    stakeWei: z.string().check(z.regex(/^[1-9]\d{0,38}$/)),
    cometAddress: z.string().check(z.regex(/^[0-9a-f]{40}@[^@\s]{1,255}:\d{1,5}$/)),
    gossipAddresses: z.array(z.string().check(z.minLength(1), z.maxLength(512))).check(z.minLength(1), z.maxLength(8)),
    registration: z.string().check(z.regex(/^0x([0-9a-f]{2}){1,1024}$/)),
  }))()

/**
 * Reads what another operator has sent, and believes only what its keys have signed.
 *
 * @param where names it in errors: the path of the file
 * @throws OperatorError `CONFIG_INVALID`
 */
export function readPublicPart(
  json: unknown,
  where: string,
  domain: { chainId: bigint; rollup: Address },
): { part: PublicPart; registration: SignedRegistration } {
  const read = readSchema(schema, json)
  if (!read.ok) refuse('CONFIG_INVALID', `${where} is no public part of an operator`, { meta: read.issues })
  const part = read.value as PublicPart
  const result = readRegistration(hexToBytes(part.registration)!, { domain })
  if (!result.ok) {
    refuse('CONFIG_INVALID', `${where}: the registration is refused (${result.reason})`, {
      meta: ['of another chain, changed on its way, or one of its keys has not signed'],
    })
  }
  return { part, registration: result.registration }
}

/** What a genesis says of an operator. */
export function entryOf(id: number, { part, registration }: ReturnType<typeof readPublicPart>): OperatorEntry {
  const { keys } = registration
  return {
    id,
    stakeWei: part.stakeWei,
    header: keys.header,
    poster: keys.poster,
    comet: keys.comet,
    network: keys.network,
    cometAddress: part.cometAddress,
    gossipAddresses: part.gossipAddresses,
  }
}

/** A registration as the text of a public part. */
export function registrationText(bytes: Uint8Array): Hex {
  return bytesToHex(bytes)
}
