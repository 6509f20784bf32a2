import { bytesPerBlob } from '../constants.js'
import { BlobError } from '../errors.js'

// The modulus in its 32 bytes; only a first byte of 0x73 needs the comparison.
const modulus = Uint8Array.from(
  '73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001'.match(/../g)!,
  byte => Number.parseInt(byte, 16),
)

/** Whether it is a byte array and not something that merely passes for one: native libraries take it at its word. */
export function isBytes(value: unknown): value is Uint8Array {
  // The tag is read from where no prototype can lie about it.
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]'
}

/** Whether the 32 bytes at `offset` are below the BLS modulus. */
export function isCanonical(bytes: Uint8Array, offset: number): boolean {
  const first = bytes[offset]!
  if (first !== 0x73) return first < 0x73
  for (let i = 1; i < 32; i++) {
    const byte = bytes[offset + i]!
    if (byte !== modulus[i]) return byte < modulus[i]!
  }
  return false
}

/** @throws BlobError `FIELD_ELEMENT` naming the first field element of `bytes` that is not canonical. */
export function checkFieldElements(bytes: Uint8Array, what: string): void {
  for (let offset = 0; offset < bytes.length; offset += 32) {
    if (bytes[offset]! >= 0x73 && !isCanonical(bytes, offset)) {
      const fieldElement = offset / 32
      throw new BlobError(`${what}: field element ${fieldElement} is not below the BLS modulus`, {
        code: 'FIELD_ELEMENT',
        details: { what, fieldElement, value: bytes.slice(offset, offset + 32) },
      })
    }
  }
}

/** @throws BlobError `BLOB_LENGTH` */
export function checkBlobLength(blob: Uint8Array, index?: number): void {
  const what = index === undefined ? 'blob' : `blob ${index}`
  if (!isBytes(blob) || blob.length !== bytesPerBlob) {
    const length = isBytes(blob) ? (blob as Uint8Array).length : undefined
    throw new BlobError(`${what}: expected ${bytesPerBlob} bytes, got ${length ?? typeof blob}`, {
      code: 'BLOB_LENGTH',
      details: { index, length, expected: bytesPerBlob },
    })
  }
}
