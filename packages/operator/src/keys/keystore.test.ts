import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bytesToHex, hexToBytes } from '@l2/common'
import { Keystore } from 'ox'
import { privateKeyToAddress } from 'viem/accounts'
import { afterAll, describe, expect, it } from 'vitest'
import { decryptKeystore, encryptKeystore } from './keystore.js'
import { readSecretFile, writeSecretFile } from './secret-file.js'

const secret = new Uint8Array(32).map((_, index) => index + 1)
const address = privateKeyToAddress(bytesToHex(secret))
const password = 'correct horse battery staple'
const scryptCost = 2 ** 12

describe('a keystore', () => {
  it('of an account is read by others, and theirs is read', async () => {
    const text = await encryptKeystore({ secret, password, form: 'account', publicName: address, scryptCost })
    const theirs = JSON.parse(text) as Keystore.Keystore & { address: string }
    expect(`0x${theirs.address}`).toBe(address.toLowerCase())
    expect(Keystore.decrypt(theirs, Keystore.toKey(theirs, { password }))).toBe(bytesToHex(secret))
    for (const [key, options] of [
      Keystore.scrypt({ password, n: scryptCost }),
      Keystore.pbkdf2({ password, iterations: 4_096 }),
    ]) {
      const made = JSON.stringify(Keystore.encrypt(bytesToHex(secret), key, options))
      expect(await decryptKeystore(made, password)).toEqual(secret)
    }
  })

  it('of another key is EIP-2335, its vector included', async () => {
    const vector = {
      crypto: {
        kdf: {
          function: 'scrypt',
          params: {
            dklen: 32,
            n: 262_144,
            p: 1,
            r: 8,
            salt: 'd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3',
          },
          message: '',
        },
        checksum: {
          function: 'sha256',
          params: {},
          message: 'd2217fe5f3e9a1e34581ef8a78f7c9928e436d36dacc5e846690a5581e8ea484',
        },
        cipher: {
          function: 'aes-128-ctr',
          params: { iv: '264daa3f303d7259501c93d997d84fe6' },
          message: '06ae90d55fe0a6e9c5c3bc5b170827b2e5cce3929ed3f116c2811e6366dfe20f',
        },
      },
      pubkey: '9612d7a727c9d0a22e185a1c768478dfe919cada9266988cb32359c11f2b7b27f4ae4040902382ae2910c15e2b420d07',
      path: 'm/12381/60/3141592653/589793238',
      uuid: '1d85ae20-35c5-4611-98e8-aa14a633906f',
      version: 4,
    }
    const found = await decryptKeystore(JSON.stringify(vector), '𝔱𝔢𝔰𝔱𝔭𝔞𝔰𝔰𝔴𝔬𝔯𝔡🔑')
    expect(bytesToHex(found)).toBe('0x000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f')
    const own = await encryptKeystore({ secret, password, form: 'other', publicName: '0xabcd', scryptCost })
    expect(JSON.parse(own)).toMatchObject({ version: 4, pubkey: 'abcd' })
    expect(await decryptKeystore(own, password)).toEqual(secret)
  })

  it('says nothing of its secret to who has not the password', async () => {
    const text = await encryptKeystore({ secret, password, form: 'other', publicName: '0xabcd', scryptCost })
    expect(text).not.toContain(bytesToHex(secret).slice(2))
    const error = await decryptKeystore(text, 'wrong').catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'PASSWORD_WRONG' })
    expect(JSON.stringify(error)).not.toContain(bytesToHex(secret).slice(2, 20))
  })

  it('is refused before it costs anything, when it is none', async () => {
    const good = JSON.parse(await encryptKeystore({ secret, password, form: 'other', publicName: '0xab', scryptCost }))
    const costly = structuredClone(good)
    costly.crypto.kdf.params.n = 2 ** 30
    const short = structuredClone(good)
    short.crypto.cipher.params.iv = 'abcd'
    const cut = structuredClone(good)
    cut.crypto.cipher.message = cut.crypto.cipher.message.slice(2)
    for (const text of ['', '{}', 'null', '[1]', JSON.stringify(costly), JSON.stringify(short)]) {
      await expect(decryptKeystore(text, password)).rejects.toMatchObject({ code: 'KEYSTORE_INVALID' })
    }
    await expect(decryptKeystore(JSON.stringify(cut), password)).rejects.toMatchObject({ code: 'PASSWORD_WRONG' })
    for (const change of [{ password: '' }, { secret: hexToBytes('0x01')! }]) {
      const options = { secret, password, form: 'other', publicName: '0xab', scryptCost, ...change } as const
      await expect(encryptKeystore(options)).rejects.toMatchObject({ code: 'KEYSTORE_INVALID' })
    }
  })
})

describe('a file with a secret', () => {
  const folder = mkdtempSync(join(tmpdir(), 'secret-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('is for its owner only, and is never written over', () => {
    const path = join(folder, 'a')
    writeSecretFile(path, 'words\n')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readSecretFile(path)).toBe('words')
    expect(() => writeSecretFile(path, 'others')).toThrow(expect.objectContaining({ code: 'HOME_INVALID' }))
    expect(readSecretFile(path)).toBe('words')
    chmodSync(path, 0o644)
    expect(() => readSecretFile(path)).toThrow('0600')
    writeFileSync(join(folder, 'long'), 'x'.repeat(20_000), { mode: 0o600 })
    expect(() => readSecretFile(join(folder, 'long'))).toThrow('more than any key')
    expect(() => readSecretFile(join(folder, 'absent'))).toThrow('cannot read')
  })
})
