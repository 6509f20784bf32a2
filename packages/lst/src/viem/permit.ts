import type { CallingClient } from '@l2/common/contract'
import { type Account, type Address, type Hex, parseSignature } from 'viem'
import { getChainId, readContract, signTypedData } from 'viem/actions'
import { fail } from '../errors.js'
import { permitAbi } from './abi.js'

/** An allowance by signature (EIP-2612). Anybody may bring it; it counts once. */
export type Permit = {
  /** The token whose allowance it is. */
  readonly token: Address
  readonly owner: Address
  readonly spender: Address
  readonly valueWei: bigint
  /** Seconds since the Unix epoch until which it counts. */
  readonly validUntilSeconds: bigint
  readonly v: number
  readonly r: Hex
  readonly s: Hex
}

const fields = ['owner', 'spender', 'value', 'nonce', 'deadline'] as const
const types = {
  Permit: fields.map(name => ({ name, type: name === 'owner' || name === 'spender' ? 'address' : 'uint256' })),
} as const

/**
 * Signs an allowance with the client's account, in the domain that the token tells (EIP-5267), or in that of its name and version 1, which older tokens
 * have.
 *
 * @throws LstError `OPTION_INVALID` for a client without an account
 */
export async function signPermit(
  client: CallingClient,
  options: Pick<Permit, 'token' | 'spender' | 'valueWei' | 'validUntilSeconds'>,
): Promise<Permit> {
  const account: Account = client.account ?? fail('OPTION_INVALID', 'a permit wants a client with an account')
  const { token, spender, valueWei, validUntilSeconds } = options
  const at = { address: token, abi: permitAbi } as const
  const [nonce, chainId, told] = await Promise.all([
    readContract(client, { ...at, functionName: 'nonces', args: [account.address] }),
    getChainId(client),
    readContract(client, { ...at, functionName: 'eip712Domain' }).catch(() => undefined),
  ])
  const name = told === undefined ? await readContract(client, { ...at, functionName: 'name' }) : told[1]
  const signature = await signTypedData(client, {
    account,
    domain: { name, version: told?.[2] ?? '1', chainId, verifyingContract: token },
    types: types as { Permit: { name: string; type: string }[] },
    primaryType: 'Permit',
    message: { owner: account.address, spender, value: valueWei, nonce, deadline: validUntilSeconds },
  })
  const { r, s, yParity } = parseSignature(signature)
  return { token, owner: account.address, spender, valueWei, validUntilSeconds, v: 27 + yParity, r, s }
}

/** Whether a permit has nothing more to give: the allowance is there, by it or otherwise. */
export async function isPermitted(client: CallingClient, permit: Permit): Promise<boolean> {
  const { token, owner, spender, valueWei } = permit
  const args = [owner, spender] as const
  return (await readContract(client, { address: token, abi: permitAbi, functionName: 'allowance', args })) >= valueWei
}
