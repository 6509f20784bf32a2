import { isL2Error } from '@l2/common'
import { type FuzzTarget, seededRandom } from '@l2/common/testing'
import {
  batcherDataToCommitment,
  commitmentToBatcherData,
  createMemoryDa,
  daLayer,
  decodeCommitment,
  encodeCommitment,
  parseMirrorCommitment,
} from '@l2/da'
import { parseHybridCommitment } from '@l2/da/alt-da'
import { parseCelestiaCommitment } from '@l2/da/celestia'
import { parseBlobCommitment, parseCalldataCommitment } from '@l2/da/ethereum'

const memory = createMemoryDa()
const parsers = [
  parseCelestiaCommitment,
  parseBlobCommitment,
  parseCalldataCommitment,
  parseHybridCommitment,
  parseMirrorCommitment,
]

/** Commitments and batcher data from anybody: a typed error, or something that encodes to the same bytes. */
export const target: FuzzTarget = {
  corpus: () => {
    const random = seededRandom(1)
    const copy = (layer: number, length: number) => ({ layer, payload: random.bytes(length) })
    const all = [
      copy(daLayer.celestia, 40),
      copy(daLayer.celestia, 50),
      copy(daLayer.ethereumBlob, 64),
      copy(daLayer.keccak, 32),
    ]
    const mirror = { layer: daLayer.mirror, payload: Uint8Array.of(0, 3, 0x6d, 1, 2, 0, 2, 0x0c, 9) }
    return [...all, mirror, copy(daLayer.hybrid, 120)].flatMap(item => [
      encodeCommitment(item),
      commitmentToBatcherData(item),
    ])
  },
  async run(input) {
    const typed = (run: () => void) => {
      try {
        run()
      } catch (error) {
        if (!isL2Error(error)) throw error
      }
    }
    typed(() => {
      const data = commitmentToBatcherData(batcherDataToCommitment(input))
      if (Buffer.compare(data, input) !== 0) throw new Error('batcher data is not canonical')
    })
    let commitment: ReturnType<typeof decodeCommitment> | undefined
    typed(() => {
      commitment = decodeCommitment(input)
      if (Buffer.compare(encodeCommitment(commitment), input) !== 0) throw new Error('bytes are not canonical')
    })
    if (commitment === undefined) return
    for (const parse of parsers) typed(() => void parse(commitment!))
    await memory.get(commitment).catch((error: unknown) => {
      if (!isL2Error(error)) throw error
    })
  },
}
