import { type Abi, type Address, type Client, type GetContractReturnType, getContract } from 'viem'

/** What `client.extend` takes: the contract under its name, as viem's `getContract` has it: read, simulate, write, estimate, watch. */
export type ContractActions<Name extends string, TAbi extends Abi> = (at: {
  readonly address: Address
}) => <TClient extends Client>(
  client: TClient,
) => { readonly [K in Name]: GetContractReturnType<TAbi, TClient, Address> }

/** The actions of a contract at an address. */
export function contractActions<const Name extends string, const TAbi extends Abi>(
  name: Name,
  abi: TAbi,
): ContractActions<Name, TAbi> {
  return ({ address }) =>
    client =>
      ({ [name]: getContract({ address, abi, client }) }) as never
}
