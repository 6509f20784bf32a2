import type { Random } from '@l2/common/testing'
import { encodeL1Info, type L1Info, l1BlockPredeploy, l1InfoDepositor } from '@l2/sequencer-core/derivation'
import { bytesToHex } from 'viem'
import type { Chain } from './anvil.js'

/** A number of up to so many bits whose length is random too, so that small ones come. */
export function randomUint(random: Random, bits: number): bigint {
  let value = 0n
  for (let left = random.below(bits + 1); left > 0; left--) value = (value << 1n) | BigInt(random.below(2))
  return value
}

/** Random attributes of an L1 block in the layout of a fork. */
export function randomInfo(random: Random, layout: L1Info['layout']): L1Info {
  const uint = (bits: number) => randomUint(random, bits)
  const common = {
    number: uint(64),
    timestamp: uint(64),
    // Wei of a base fee; the fees of what is larger than that fit into no word.
    baseFeePerGas: uint(96),
    hash: bytesToHex(random.bytes(32)),
    sequenceNumber: uint(64),
    batcher: bytesToHex(random.bytes(20)),
  }
  if (layout === 'bedrock') return { ...common, layout, overhead: uint(20), scalar: uint(32) }
  // The real oracle multiplies the scalar by 16 in 32 bits and reverts above this.
  const ecotone = { ...common, baseFeeScalar: uint(28), blobBaseFeeScalar: uint(32), blobBaseFee: uint(96) }
  if (layout === 'ecotone') return { ...ecotone, layout }
  const isthmus = { ...ecotone, operatorFeeScalar: uint(32), operatorFeeConstant: uint(64) }
  return layout === 'isthmus' ? { ...isthmus, layout } : { ...isthmus, layout, daFootprintGasScalar: uint(16) }
}

/** Sends what the first transaction of a block is, in the name of the depositor. */
export async function setAttributes(l2: Chain, info: L1Info) {
  const hash = await l2.client.request({
    method: 'eth_sendTransaction',
    params: [
      {
        from: l1InfoDepositor,
        to: l1BlockPredeploy,
        data: bytesToHex(encodeL1Info(info)),
        gas: '0xf4240',
        gasPrice: '0x0',
      },
    ],
  } as never)
  return l2.mined(hash)
}

/** Random bytes that compress, as transactions do: runs, repetitions and noise. */
export function randomData(random: Random, most: number): Uint8Array {
  const data = random.bytes(random.below(most))
  for (let at = 0; at < data.length; at += 1 + random.below(200)) {
    const length = random.below(80)
    if (random.bool()) data.fill(random.below(3) === 0 ? random.below(256) : 0, at, at + length)
    else data.copyWithin(at, 0, length)
  }
  return data
}
