import library from '@crate-crypto/node-eth-kzg'
import { type KzgLibrary, methodsOf } from './binding.js'

const contexts = new Map<boolean, KzgLibrary>()

/** One context for every user of the process with the same tables. */
export function loadEthKzg(precompute: boolean): KzgLibrary {
  let context = contexts.get(precompute)
  if (context === undefined) {
    context = methodsOf(library.DasContextJs.create({ usePrecomp: precompute }))
    contexts.set(precompute, context)
  }
  return context
}
