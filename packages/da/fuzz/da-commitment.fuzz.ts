import { isL2Error } from '@l2/common'
import { type FuzzTarget, seededRandom } from '@l2/common/testing'
import {
  batcherDataToCommitment,
  type Commitment,
  commitmentToBatcherData,
  createCommitmentSource,
  createMemoryStore,
  daLayer,
  decodeCommitment,
  encodeCommitment,
  parseMirrorCommitment,
} from '@l2/da'
import { createAltDa, parseHybridCommitment } from '@l2/da/alt-da'
import { createAnyTrustDa, parseAnyTrustCertificate, parseAnyTrustKeyset } from '@l2/da/anytrust'
import { parseCelestiaCommitment } from '@l2/da/celestia'
import { createEigenDa } from '@l2/da/eigenda'
import { parseBlobCommitment, parseCalldataCommitment } from '@l2/da/ethereum'
import { createObjectDa } from '@l2/da/object'
import { createMemoryDa } from '@l2/da/testing'

const memory = createMemoryDa()
const parsers = [
  parseCelestiaCommitment,
  parseBlobCommitment,
  parseCalldataCommitment,
  parseHybridCommitment,
  parseMirrorCommitment,
  parseAnyTrustCertificate,
  ({ payload }: Commitment) => parseAnyTrustKeyset(payload),
]
/** Servers that have nothing. */
const nothing = async () => new Response(null, { status: 404 })
const url = 'http://nobody'
const source = createCommitmentSource(
  {},
  {
    layers: [
      memory,
      createAltDa({ url, commitments: 'keccak' }, { fetch: nothing }),
      createEigenDa({ url }, { fetch: nothing }),
      createAnyTrustDa({ keysets: [new Uint8Array(16)], mirrors: [url] }, { fetch: nothing }),
      createObjectDa({ commitments: 'generic' }, { objects: createMemoryStore() }),
    ],
  },
)

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
      copy(daLayer.object, 32),
      copy(daLayer.eigenDa, 60),
      copy(daLayer.anyTrust, 177),
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
    const hex = `0x${Buffer.from(input).toString('hex')}`
    await source.getCommitted(hex, { number: 1n, timestamp: 1n }).catch((error: unknown) => {
      if (!isL2Error(error)) throw error
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
