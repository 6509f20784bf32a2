import type { Abi, Hex } from 'viem'

/** A compiled contract. */
export type Artifact = {
  readonly name: string
  readonly abi: Abi
  /** Creation code, before the constructor's arguments. */
  readonly bytecode: Hex
  /** The code that a creation leaves, with zeros where immutables are. */
  readonly deployedBytecode: Hex
  /** For each immutable, in the order of the source, where its word of 32 bytes stands in the deployed code, in bytes. */
  readonly immutables: readonly (readonly number[])[]
  /** Where each variable of the storage is: its slot, and how many bytes from the slot's low end. */
  readonly storage: Readonly<Record<string, { readonly slot: number; readonly offset: number }>>
}

/** Where compiled contracts come from; `openArtifacts` of `@l2/settlement/node` reads the installed ones. */
export type Artifacts = {
  /**
   * A contract by its name in the source, as `OptimismPortal2`.
   *
   * @throws SettlementError `ARTIFACT_MISSING`
   */
  contract(name: string): Artifact
  /**
   * Code that chains begin with and that is no contract of a source file, by its name in OP's `Preinstalls.sol`, as `MultiCall3Code`.
   *
   * @throws SettlementError `ARTIFACT_MISSING`
   */
  preinstall(name: string): Hex
}
