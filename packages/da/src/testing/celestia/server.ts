import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { bytesToHex, type Closable, closable, equalBytes } from '@l2/common'
import { shareCommitment } from '../../celestia/commitment.js'
import { isBlobNamespace } from '../../celestia/namespace.js'
import { formatCommitmentProof } from '../../celestia/proof.js'
import { type CelestiaBlob, estimateGas, type ShareVersion } from '../../celestia/shares.js'
import { fromBase64, toBase64 } from '../../internal/base64.js'
import { buildSquare, type PlacedBlob, type Square } from './square.js'

/** A fault of {@link CelestiaServerOptions.inject}. */
export type CelestiaFault =
  | { type: 'error'; message: string }
  | { type: 'status'; status: number; body?: string }
  /** No answer at all. */
  | { type: 'stall' }
  /** The call has its effect and the connection breaks. */
  | { type: 'lose-answer' }
  /** The answer is changed. */
  | { type: 'lie'; change: (result: unknown) => unknown }

/** Plain settings of {@link createCelestiaServer}. */
export type CelestiaServerOptions = {
  /** 0, the default, takes a free one. */
  port?: number | undefined
  /** Milliseconds between blocks; 0, the default, makes one for each submission. */
  blockMs?: number | undefined
  /** utia per gas below which submissions are refused; 0.002. */
  minGasPrice?: number | undefined
  /** Bytes of all blobs of a submission; 8 MiB less what the transaction itself takes. */
  maxBytes?: number | undefined
  /** Asked before every call; what it returns goes wrong. */
  inject?: ((method: string) => CelestiaFault | undefined) | undefined
}

/** A celestia-node in this process. */
export interface CelestiaServer extends Closable {
  readonly url: string
  /** Rights to read and write. */
  readonly token: string
  /** Rights to read. */
  readonly readToken: string
  height(): number
  /** Makes blocks, the first with whatever waits. */
  mine(blocks: number): void
  /** Forgets blocks below a height, as nodes do after a week. */
  prune(below: number): void
  /** Every blob posted, in the order of the chain. */
  posted(): { height: number; data: Uint8Array }[]
  /** Stops listening, until `restore`. */
  cutOff(): Promise<void>
  restore(): Promise<void>
}

type Block = { height: number; timeMs: number; square: Square }
type Waiting = { blobs: CelestiaBlob[]; done: (height: number) => void }
type Method = (params: unknown[]) => unknown | Promise<unknown>

/** An error as the node words it; they all have the code 1. */
class NodeError extends Error {}

/**
 * A celestia-node with a chain of its own: the JSON-RPC methods of `blob`, `header`, `state` and `node` that clients use, over HTTP on the loopback, with
 * shares, squares, Reed-Solomon extension, roots, commitments and proofs computed as the network computes them, and with the node's quirks: zeros left out, one
 * error code, a sequence that parallel submissions disturb. Blocks are not signed, squares are at most 128 wide, and there is no WebSocket.
 *
 * @example
 * ```ts
 * import { createCelestiaClient, createCelestiaDa, namespaceV0 } from '@l2/da/celestia'
 * import { createCelestiaServer } from '@l2/da/testing/celestia'
 *
 * const server = await createCelestiaServer()
 * const client = createCelestiaClient({ url: server.url, token: server.token })
 * const da = createCelestiaDa({ namespace: namespaceV0(new TextEncoder().encode('rollup')) }, { client })
 * const { commitments, height } = await da.submit([new TextEncoder().encode('hello')])
 * console.log(height, new TextDecoder().decode(await da.get(commitments[0]!))) // 2n hello
 * await server.close()
 * ```
 */
export async function createCelestiaServer(options: CelestiaServerOptions = {}): Promise<CelestiaServer> {
  const { blockMs = 0, minGasPrice = 0.002, maxBytes = 8 * 1024 * 1024 - 4096 } = options
  const token = `write-${randomBytes(24).toString('hex')}`
  const readToken = `read-${randomBytes(24).toString('hex')}`
  const blocks: Block[] = []
  const waiting: Waiting[] = []
  const watchers = new Set<() => void>()
  let lowest = 1
  let sequence = 0
  let port = options.port ?? 0
  let server: Server

  const produce = (): void => {
    const included = waiting.splice(0)
    const square = buildSquare(included.flatMap(({ blobs }) => blobs))
    const block = { height: blocks.length + 1, timeMs: Date.now(), square }
    blocks.push(block)
    for (const { done } of included) done(block.height)
    for (const notify of watchers) notify()
  }
  produce()
  const timer = blockMs > 0 ? setInterval(produce, blockMs).unref() : undefined

  const blockAt = (value: unknown): Block => {
    const height = Number(value)
    if (height === 0) throw new NodeError('height is equal to 0')
    if (height > blocks.length) {
      throw new NodeError(
        `header: given height is from the future: networkHeight: ${blocks.length}, requestedHeight: ${height}`,
      )
    }
    if (height < lowest) throw new NodeError(`header: requested height ${height} is below Tail ${lowest}`)
    const block = blocks[height - 1]
    if (block === undefined) throw new NodeError('header: not found')
    return block
  }
  const bytesOf = (value: unknown, what: string): Uint8Array => {
    const bytes = typeof value === 'string' ? fromBase64(value) : undefined
    if (bytes === undefined) throw new NodeError(`illegal base64 data in ${what}`)
    return bytes
  }
  const find = (block: Block, namespace: unknown, commitment: unknown): PlacedBlob => {
    const ns = bytesOf(namespace, 'namespace')
    const wanted = bytesOf(commitment, 'commitment')
    const blob = block.square.blobs.find(
      candidate => equalBytes(candidate.namespace, ns) && equalBytes(candidate.commitment, wanted),
    )
    if (blob === undefined) throw new NodeError('blob: not found')
    return blob
  }
  const blobJson = ({ square }: Block, blob: PlacedBlob) => ({
    namespace: toBase64(blob.namespace),
    data: toBase64(blob.data),
    share_version: blob.shareVersion,
    commitment: toBase64(blob.commitment),
    ...(blob.signer === undefined ? {} : { signer: toBase64(blob.signer) }),
    index: square.extendedIndex(blob),
  })
  const rangeJson = (range: { start: number; end: number; nodes: Uint8Array[] }) => ({
    ...(range.start === 0 ? {} : { start: range.start }),
    end: range.end,
    nodes: range.nodes.map(toBase64),
    is_max_namespace_ignored: true,
  })
  const headerJson = ({ height, timeMs, square }: Block) => ({
    header: {
      version: { block: '11', app: '9' },
      chain_id: 'private',
      height: String(height),
      time: new Date(timeMs).toISOString(),
      data_hash: bytesToHex(square.dataHash).slice(2).toUpperCase(),
    },
    dah: { row_roots: square.rowRoots.map(toBase64), column_roots: square.columnRoots.map(toBase64) },
  })
  const parseSubmitted = (value: unknown): CelestiaBlob => {
    const json = (value ?? {}) as Record<string, unknown>
    const blob: CelestiaBlob = {
      namespace: bytesOf(json['namespace'], 'namespace'),
      data: bytesOf(json['data'], 'data'),
      shareVersion: Number(json['share_version'] ?? 0) as ShareVersion,
      signer: json['signer'] === undefined ? undefined : bytesOf(json['signer'], 'signer'),
    }
    if (!isBlobNamespace(blob.namespace)) throw new NodeError('not allowed namespace: reserved or of another version')
    if (blob.data.length === 0) throw new NodeError('blob: data can not be empty')
    if (blob.shareVersion > 1) throw new NodeError(`unsupported share version: ${blob.shareVersion}`)
    if (!equalBytes(shareCommitment(blob), bytesOf(json['commitment'], 'commitment'))) {
      throw new NodeError('blob: share commitment does not match the data')
    }
    return blob
  }

  const submit: Method = async ([list, settings]) => {
    if (settings === null || settings === undefined) {
      throw new NodeError('runtime error: invalid memory address or nil pointer dereference')
    }
    if (!Array.isArray(list) || list.length === 0) throw new NodeError('no blobs provided')
    const blobs = list.map(parseSubmitted)
    const total = blobs.reduce((sum, { data }) => sum + data.length, 0)
    if (total > maxBytes) throw new NodeError(`blob(s) too large: total size ${total} exceeds max ${maxBytes}`)
    const { gas_price: price, is_gas_price_set: isSet, max_gas_price: most } = settings as Record<string, unknown>
    const offered = isSet === true ? Number(price) : minGasPrice
    if (typeof most === 'number' && most > 0 && offered > most) {
      throw new NodeError('estimated gas price exceeds max gas price')
    }
    const gas = estimateGas(blobs.map(({ data }) => data.length))
    if (offered < minGasPrice) {
      throw new NodeError(
        `insufficient minimum gas price for this node; got: ${offered} required at least: ${minGasPrice} (gas ${gas}): insufficient fee`,
      )
    }
    // Signed with a sequence that is stale by the time it is checked: what happens to parallel submissions of one key.
    if (waiting.length > 0) {
      throw new NodeError(
        `account sequence mismatch, expected ${sequence + 1}, got ${sequence}: incorrect account sequence`,
      )
    }
    const included = new Promise<number>(resolve => waiting.push({ blobs, done: resolve }))
    sequence++
    if (blockMs === 0) setImmediate(produce)
    return included
  }

  const methods: Record<string, { right: 'public' | 'read' | 'write'; run: Method }> = {
    'blob.Submit': { right: 'write', run: submit },
    'blob.Get': {
      right: 'read',
      run: ([height, namespace, commitment]) => {
        const block = blockAt(height)
        return blobJson(block, find(block, namespace, commitment))
      },
    },
    'blob.GetAll': {
      right: 'read',
      run: ([height, namespaces]) => {
        const block = blockAt(height)
        const wanted = (Array.isArray(namespaces) ? namespaces : []).map(item => bytesOf(item, 'namespace'))
        const found = wanted.flatMap(ns => block.square.blobs.filter(blob => equalBytes(blob.namespace, ns)))
        return found.length === 0 ? null : found.map(blob => blobJson(block, blob))
      },
    },
    'blob.GetProof': {
      right: 'read',
      run: ([height, namespace, commitment]) => {
        const block = blockAt(height)
        return block.square.namespaceProof(find(block, namespace, commitment).namespace).map(rangeJson)
      },
    },
    'blob.Included': {
      right: 'read',
      run: ([height, namespace, proof, commitment]) => {
        const block = blockAt(height)
        const blob = block.square.blobs.find(candidate => toBase64(candidate.commitment) === commitment)
        if (blob === undefined || toBase64(blob.namespace) !== namespace) return false
        return JSON.stringify(block.square.namespaceProof(blob.namespace).map(rangeJson)) === JSON.stringify(proof)
      },
    },
    'blob.GetCommitmentProof': {
      right: 'read',
      run: ([height, namespace, commitment]) => {
        const { square, ...block } = blockAt(height)
        return formatCommitmentProof(square.commitmentProof(find({ ...block, square }, namespace, commitment)))
      },
    },
    'header.GetByHeight': { right: 'read', run: ([height]) => headerJson(blockAt(height)) },
    'header.WaitForHeight': {
      right: 'read',
      run: async ([height]) => {
        while (Number(height) > blocks.length) {
          await new Promise<void>(resolve => {
            const notify = () => {
              watchers.delete(notify)
              resolve()
            }
            watchers.add(notify)
          })
        }
        return headerJson(blockAt(height))
      },
    },
    'header.LocalHead': { right: 'read', run: () => headerJson(blockAt(blocks.length)) },
    'header.NetworkHead': { right: 'read', run: () => headerJson(blockAt(blocks.length)) },
    'header.Tail': { right: 'read', run: () => headerJson(blockAt(lowest)) },
    'header.SyncState': {
      right: 'read',
      run: () => ({ id: 1, height: blocks.length, from_height: 1, to_height: blocks.length }),
    },
    'state.Balance': { right: 'read', run: () => ({ denom: 'utia', amount: '1000000000000' }) },
    'node.Ready': { right: 'read', run: () => true },
  }

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const answer = (status: number, body: unknown, text = JSON.stringify(body)) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(text)
    }
    const parts: Buffer[] = []
    let length = 0
    for await (const part of request as AsyncIterable<Buffer>) {
      length += part.length
      if (length > 16 * 1024 * 1024) {
        answer(413, undefined, 'http: request body too large')
        request.destroy()
        return
      }
      parts.push(part)
    }
    const bearer = request.headers.authorization?.replace(/^Bearer /, '')
    if (bearer !== undefined && bearer !== token && bearer !== readToken) return answer(401, undefined, '')
    const rights =
      bearer === undefined ? ['public'] : bearer === token ? ['public', 'read', 'write'] : ['public', 'read']
    let call: { id?: unknown; method?: unknown; params?: unknown }
    try {
      call = JSON.parse(Buffer.concat(parts).toString('utf8'))
    } catch {
      return answer(200, { jsonrpc: '2.0', id: null, error: { code: -32700, message: 'parse error' } })
    }
    const name = String(call.method)
    const fault = options.inject?.(name)
    const fail = (message: string, code = 1) => answer(200, { jsonrpc: '2.0', id: call.id, error: { code, message } })
    if (fault?.type === 'error') return fail(fault.message)
    if (fault?.type === 'status') return answer(fault.status, undefined, fault.body ?? 'server busy, try again later')
    if (fault?.type === 'stall') return
    const method = methods[name]
    if (method === undefined) return fail(`method '${name}' not found`, -32601)
    if (!rights.includes(method.right)) {
      return fail(`missing permission to invoke '${name.split('.')[1]}' (need '${method.right}')`)
    }
    try {
      const result = await method.run(Array.isArray(call.params) ? call.params : [])
      if (fault?.type === 'lose-answer') return void response.destroy()
      answer(200, { jsonrpc: '2.0', id: call.id, result: fault?.type === 'lie' ? fault.change(result) : result })
    } catch (error) {
      fail(error instanceof Error ? error.message : String(error))
    }
  }

  const listen = async (): Promise<void> => {
    server = createServer((request, response) => {
      handle(request, response).catch(() => response.destroy())
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', resolve)
    })
    port = (server.address() as AddressInfo).port
  }
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    if (server.listening) await new Promise(resolve => server.close(resolve))
  }
  await listen()

  return {
    url: `http://127.0.0.1:${port}`,
    token,
    readToken,
    height: () => blocks.length,
    mine(count) {
      for (let i = 0; i < count; i++) produce()
    },
    prune(below) {
      lowest = below
    },
    posted: () => blocks.flatMap(({ height, square }) => square.blobs.map(({ data }) => ({ height, data }))),
    cutOff: close,
    restore: listen,
    ...closable(async () => {
      clearInterval(timer)
      await close()
    }),
  }
}
