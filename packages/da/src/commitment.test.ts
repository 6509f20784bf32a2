import { equalBytes, isL2Error } from '@l2/common'
import { runs } from '@l2/common/testing'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatHybridCommitment, parseHybridCommitment } from './alt-da/hybrid.js'
import { formatCelestiaCommitment, parseCelestiaCommitment } from './celestia/location.js'
import { namespaceV0 } from './celestia/namespace.js'
import {
  batcherDataToCommitment,
  type Commitment,
  commitmentToBatcherData,
  commitmentToHex,
  daLayer,
  decodeCommitment,
  encodeCommitment,
  hexToCommitment,
} from './commitment.js'

const commitments: fc.Arbitrary<Commitment> = fc
  .record({ layer: fc.integer({ min: 0, max: 255 }), payload: fc.uint8Array({ minLength: 1, maxLength: 200 }) })
  .map(({ layer, payload }) =>
    layer === daLayer.keccak ? { layer, payload: new Uint8Array(32).fill(payload[0]!) } : { layer, payload },
  )

describe('commitments', () => {
  it('round-trip through bytes, text and batcher data', () => {
    fc.assert(
      fc.property(commitments, commitment => {
        expect(decodeCommitment(encodeCommitment(commitment))).toEqual(commitment)
        expect(hexToCommitment(commitmentToHex(commitment))).toEqual(commitment)
        expect(batcherDataToCommitment(commitmentToBatcherData(commitment))).toEqual(commitment)
      }),
      { seed: 1 },
    )
  })

  it('have one form in bytes: what decodes encodes to the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (noise, typed) => {
        const bytes = typed ? Uint8Array.of(1, noise.length & 1, ...noise) : noise
        try {
          expect(equalBytes(commitmentToBatcherData(batcherDataToCommitment(bytes)), bytes)).toBe(true)
        } catch (error) {
          if (!isL2Error(error, 'DA_COMMITMENT_INVALID')) throw error
        }
      }),
      { seed: 1, numRuns: runs({ suite: 500, soak: 10_000 }) },
    )
  })

  it('look as the OP Stack and its servers write them', () => {
    const hash = new Uint8Array(32).fill(7)
    expect(commitmentToBatcherData({ layer: daLayer.keccak, payload: hash })).toEqual(Uint8Array.of(1, 0, ...hash))
    const celestia = formatCelestiaCommitment({ height: 258n, commitment: hash, namespace: undefined })
    expect(commitmentToBatcherData(celestia)).toEqual(Uint8Array.of(1, 1, 0x0c, 2, 1, 0, 0, 0, 0, 0, 0, ...hash))
  })

  it('keep their parts', () => {
    const commitment = new Uint8Array(32).fill(9)
    const namespace = namespaceV0(Uint8Array.of(5, 6, 7))
    const celestia = { height: 77n, commitment, namespace }
    expect(parseCelestiaCommitment(formatCelestiaCommitment(celestia))).toEqual(celestia)
    const store = { layer: daLayer.memory, payload: commitment }
    const anchor = { layer: daLayer.ethereumCalldata, payload: new Uint8Array(64).fill(1) }
    const hybrid = { dataHash: commitment, length: 12, anchoredAtBlock: 99n, anchor, store }
    expect(parseHybridCommitment(formatHybridCommitment(hybrid))).toEqual(hybrid)
  })
})
