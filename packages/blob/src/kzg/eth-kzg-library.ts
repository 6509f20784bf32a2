import { lacks, loadNative, type NativePart } from '@l2/common/node'
import { type KzgLibrary, methodsOf } from './binding.js'
import { specified } from './native-dialect.js'

/** What of the package is used. */
export type EthKzgModule = { DasContextJs: { create(options: { usePrecomp: boolean }): object; prototype: object } }

let part: NativePart<EthKzgModule> | undefined

/** The library as it is installed, without its setup; asked of the disk until it is there. */
export function findEthKzg(): NativePart<EthKzgModule> {
  if (part?.state === 'ready') return part
  part = loadNative<EthKzgModule>('@crate-crypto/node-eth-kzg', {
    from: import.meta.url,
    check: ({ DasContextJs: context }) => lacks(context, ['create']) ?? lacks(context.prototype, specified),
  })
  return part
}

const contexts = new Map<boolean, KzgLibrary>()

/** One context for every user of the process with the same tables. */
export function loadEthKzg({ DasContextJs }: EthKzgModule, precompute: boolean): KzgLibrary {
  let context = contexts.get(precompute)
  if (context === undefined) {
    context = methodsOf(DasContextJs.create({ usePrecomp: precompute }))
    contexts.set(precompute, context)
  }
  return context
}
