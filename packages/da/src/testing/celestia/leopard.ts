/**
 * The Reed-Solomon code that extends Celestia's data square: Leopard over GF(2^8), half of the shards data, half parity, at most 128 each.
 * Source: the algorithm of catid/leopard as rsmt2d uses it (klauspost/reedsolomon, leopard8).
 */
const order = 256
const modulus = 255
const polynomial = 0x11d
const cantorBasis = [1, 214, 152, 146, 86, 200, 88, 230]

const log = new Uint8Array(order)
const exp = new Uint8Array(order)
const skew = new Uint8Array(modulus)

const addModulus = (a: number, b: number): number => {
  const sum = a + b
  return (sum + (sum >> 8)) & 255
}
const multiplyLog = (value: number, logarithm: number): number =>
  value === 0 ? 0 : exp[addModulus(log[value]!, logarithm)]!

function fillTables(): void {
  for (let i = 0, state = 1; i < modulus; i++) {
    exp[state] = i
    state <<= 1
    if (state >= order) state ^= polynomial
  }
  exp[0] = modulus
  for (const [i, basis] of cantorBasis.entries()) {
    for (let j = 0; j < 1 << i; j++) log[j + (1 << i)] = log[j]! ^ basis
  }
  for (let i = 0; i < order; i++) log[i] = exp[log[i]!]!
  for (let i = 0; i < order; i++) exp[log[i]!] = i
  exp[modulus] = exp[0]!

  const temporary = Array.from({ length: 7 }, (_, i) => 1 << (i + 1))
  for (let m = 0; m < 7; m++) {
    const step = 1 << (m + 1)
    skew[(1 << m) - 1] = 0
    for (let i = m; i < 7; i++) {
      const s = 1 << (i + 1)
      for (let j = (1 << m) - 1; j < s; j += step) skew[j + s] = skew[j]! ^ temporary[i]!
    }
    temporary[m] = modulus - log[multiplyLog(temporary[m]!, log[temporary[m]! ^ 1]!)]!
    for (let i = m + 1; i < 7; i++) {
      temporary[i] = multiplyLog(temporary[i]!, addModulus(log[temporary[i]! ^ 1]!, temporary[m]!))
    }
  }
  for (let i = 0; i < modulus; i++) skew[i] = log[skew[i]!]!
}
fillTables()

const products = new Map<number, Uint8Array>()
function productsOf(logarithm: number): Uint8Array {
  let table = products.get(logarithm)
  if (table === undefined) {
    table = Uint8Array.from({ length: order }, (_, value) => multiplyLog(value, logarithm))
    products.set(logarithm, table)
  }
  return table
}

function addTo(target: Uint8Array, source: Uint8Array): void {
  for (let i = 0; i < target.length; i++) target[i]! ^= source[i]!
}

function addProductTo(target: Uint8Array, source: Uint8Array, logarithm: number): void {
  if (logarithm === modulus) return
  const table = productsOf(logarithm)
  for (let i = 0; i < target.length; i++) target[i]! ^= table[source[i]!]!
}

/** As many parity shards as there are data shards: a power of two, all of one length. */
export function extendShards(data: readonly Uint8Array[]): Uint8Array[] {
  const count = data.length
  const work = data.map(shard => shard.slice())
  for (let distance = 1; distance < count; distance *= 2) {
    for (let from = 0; from < count; from += 2 * distance) {
      const logarithm = skew[count - 1 + from + distance]!
      for (let i = from; i < from + distance; i++) {
        addTo(work[i + distance]!, work[i]!)
        addProductTo(work[i]!, work[i + distance]!, logarithm)
      }
    }
  }
  for (let distance = count / 2; distance >= 1; distance /= 2) {
    for (let from = 0; from < count; from += 2 * distance) {
      const logarithm = skew[from + distance - 1]!
      for (let i = from; i < from + distance; i++) {
        addProductTo(work[i]!, work[i + distance]!, logarithm)
        addTo(work[i + distance]!, work[i]!)
      }
    }
  }
  return work
}
