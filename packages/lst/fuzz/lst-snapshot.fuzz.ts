import { isL2Error } from '@l2/common'
import type { FuzzTarget } from '@l2/common/testing'
import { applyLiquid, assets, createLiquid, liquidCodec, type PresetName, presets, shares } from '../src/index.js'

const oneMetis = 10n ** 18n
const encoder = new TextEncoder()

/** Snapshots of whole protocols: whatever JSON comes in, a state whose wei add up goes out, or a typed refusal. */
export const target: FuzzTarget = {
  corpus: () =>
    (Object.keys(presets) as PresetName[]).flatMap(preset =>
      (['sdk', 'protocol'] as const).map(profile => {
        let lst = createLiquid({ preset, profile, entrySeconds: 0n })
        lst = applyLiquid(lst, { type: 'registerSeat', seat: 1, bond: oneMetis }).state
        lst = applyLiquid(lst, {
          type: 'deposit',
          account: 'alice',
          assets: assets(30_000n * oneMetis),
          nowSeconds: 1n,
        }).state
        lst = applyLiquid(lst, { type: 'allocate', nowSeconds: 2n }).state
        lst = applyLiquid(lst, {
          type: 'requestWithdrawal',
          account: 'alice',
          shares: shares(oneMetis),
          nowSeconds: 3n,
        }).state
        lst = applyLiquid(lst, { type: 'report', nowSeconds: 86_400n }).state
        return encoder.encode(JSON.stringify(liquidCodec.encode(lst)))
      }),
    ),
  run(input) {
    let json: unknown
    try {
      json = JSON.parse(new TextDecoder().decode(input))
    } catch {
      // Not JSON is the caller's affair: the codec takes what JSON.parse gave.
      return
    }
    try {
      const state = liquidCodec.decode(json)
      const text = JSON.stringify(liquidCodec.encode(state))
      if (JSON.stringify(liquidCodec.encode(liquidCodec.decode(JSON.parse(text)))) !== text)
        throw new Error('snapshot changed on its way')
    } catch (error) {
      if (!isL2Error(error)) throw error
    }
  },
}
