import { concatBytes, equalBytes } from '@l2/common'
import { DaError } from '../errors.js'
import { fromBase64, toBase64 } from '../internal/base64.js'
import { mountainSizes, subtreeWidth } from './commitment.js'
import { type MerkleProof, merkleRoot, verifyMerkleProof } from './merkle.js'
import { namespaceBytes } from './namespace.js'
import { joinNodes, nodeBytes } from './nmt.js'

/** The nodes beside a range of a row's leaves. */
export type RowRangeProof = { start: number; end: number; nodes: readonly Uint8Array[] }

/**
 * That a share commitment is part of a block's data root: its subtree roots are in rows, and the rows under the root.
 * Source: celestia-node `blob.CommitmentProof`.
 */
export type CommitmentProof = {
  subtreeRoots: readonly Uint8Array[]
  subtreeRootProofs: readonly RowRangeProof[]
  /** 28 bytes */
  namespaceId: Uint8Array
  namespaceVersion: number
  rowProof: { rowRoots: readonly Uint8Array[]; proofs: readonly MerkleProof[]; startRow: number; endRow: number }
}

/** Shares of a row of the largest square that the protocol allows, extended. */
const maxRowShares = 1024
const maxRows = 1024

function refuse(reason: string, details: Record<string, unknown> = {}): never {
  throw new DaError(`the commitment proof does not hold: ${reason}`, {
    code: 'DA_PROOF_INVALID',
    details: { reason, ...details },
  })
}

/** What a proof must prove. */
export type CommitmentClaim = {
  /** Hash of the block's data, from a header that is trusted. */
  dataRoot: Uint8Array
  /** Share commitment of the blob. */
  commitment: Uint8Array
  /** 29 bytes */
  namespace?: Uint8Array | undefined
}

/**
 * Checks that a share commitment is part of the block with this data root. Needs neither the data nor a node.
 *
 * @throws DaError `DA_PROOF_INVALID` with the reason
 * @example
 * ```ts
 * import { createCelestiaServer } from '@l2/da/testing/celestia'
 * import { createCelestiaClient, namespaceOfName, shareCommitment, verifyCommitmentProof } from '@l2/da/celestia'
 *
 * const server = await createCelestiaServer()
 * const client = createCelestiaClient({ url: server.url, token: server.token })
 * const namespace = namespaceOfName('rollup')
 * const blob = { namespace, data: Uint8Array.of(1), shareVersion: 0 } as const
 * const commitment = shareCommitment(blob)
 * const height = await client.submit([{ ...blob, commitment }], { gasPrice: 0.004 })
 * const proof = await client.getCommitmentProof(height, namespace, commitment)
 * const { dataHash: dataRoot } = await client.header(height)
 * verifyCommitmentProof(proof, { commitment, namespace, dataRoot })
 * await server.close()
 * ```
 */
export function verifyCommitmentProof(proof: CommitmentProof, claim: CommitmentClaim): void {
  const { subtreeRoots, subtreeRootProofs, rowProof } = proof
  const { rowRoots, proofs, startRow, endRow } = rowProof
  if (subtreeRoots.length === 0) refuse('no subtree roots')
  if (!equalBytes(merkleRoot(subtreeRoots), claim.commitment)) refuse('the subtree roots make another commitment')
  const { namespace } = claim
  if (namespace !== undefined) {
    const named = concatBytes(Uint8Array.of(proof.namespaceVersion), proof.namespaceId)
    if (!equalBytes(named, namespace)) refuse('it is about another namespace')
    for (const root of subtreeRoots) {
      const inside = [0, namespaceBytes].every(at => equalBytes(root.subarray(at, at + namespaceBytes), namespace))
      if (!inside) refuse('a subtree root is of another namespace')
    }
  }
  const rows = endRow - startRow + 1
  if (
    rows < 1 ||
    rows > maxRows ||
    subtreeRootProofs.length !== rows ||
    rowRoots.length !== rows ||
    proofs.length !== rows
  ) {
    refuse('the numbers of rows and proofs differ', {
      rows,
      rowRoots: rowRoots.length,
      rowProofs: proofs.length,
      subtreeRootProofs: subtreeRootProofs.length,
    })
  }
  // The data root is over the row roots and then the column roots of a square that was doubled: a quarter of its leaves are rows of data.
  const total = proofs[0]!.total
  const side = total / 4
  if (!Number.isInteger(side) || proofs.some(other => other.total !== total)) {
    refuse('the rows are of no square', { total })
  }
  if (endRow >= side) refuse('a row is beyond the data of the square', { endRow, side })
  let shares = 0
  for (const [row, { start, end }] of subtreeRootProofs.entries()) {
    if (!(start >= 0 && start < end && end <= Math.min(side, maxRowShares)))
      refuse('a range of shares is empty or too long', { start, end })
    // A blob is one run of shares, row after row.
    if ((row > 0 && start !== 0) || (row < rows - 1 && end !== side)) {
      refuse('the ranges of the rows are not one run of shares', { row, start, end })
    }
    shares += end - start
  }
  const width = subtreeWidth(shares)
  let used = 0
  for (const [row, range] of subtreeRootProofs.entries()) {
    const sizes = mountainSizes(range.end - range.start, width)
    const roots = subtreeRoots.slice(used, used + sizes.length)
    if (roots.length !== sizes.length) refuse('subtree roots are missing', { row })
    used += sizes.length
    if (!equalBytes(rowRoot(range, sizes, roots, row), rowRoots[row]!)) refuse('a row root differs', { row })
    if (proofs[row]!.index !== startRow + row) refuse('a row is proved at another place', { row })
    if (!verifyMerkleProof(proofs[row]!, rowRoots[row]!, claim.dataRoot)) {
      refuse('a row is not part of the data root', { row })
    }
  }
  if (used !== subtreeRoots.length) refuse('subtree roots are left over')
}

/** The root of a row out of the subtree roots of a range of its shares and the nodes beside it. */
function rowRoot(
  range: RowRangeProof,
  sizes: readonly number[],
  roots: readonly Uint8Array[],
  row: number,
): Uint8Array {
  const at = new Map<string, Uint8Array>()
  let from = range.start
  for (const [index, size] of sizes.entries()) {
    at.set(`${from}:${size}`, roots[index]!)
    from += size
  }
  let next = 0
  const join = (left: Uint8Array, right: Uint8Array | undefined): Uint8Array => {
    if (right === undefined) return left
    return joinNodes(left, right) ?? refuse('namespaces are out of order', { row })
  }
  const rebuild = (start: number, size: number): Uint8Array | undefined => {
    if (start >= range.end || start + size <= range.start) return range.nodes[next++]
    const known = at.get(`${start}:${size}`)
    if (known !== undefined) return known
    if (size === 1) return refuse('a subtree root does not lie on a subtree', { row })
    const left = rebuild(start, size / 2)
    const right = rebuild(start + size / 2, size / 2)
    if (left === undefined) return refuse('nodes are missing', { row })
    return join(left, right)
  }
  let width = 1
  while (width < range.end) width *= 2
  let root = rebuild(0, width) ?? refuse('nodes are missing', { row })
  while (next < range.nodes.length) root = join(root, range.nodes[next++]!)
  return root
}

export type CelestiaJson = Record<string, unknown>

function malformed(field: string): never {
  throw new DaError(`"${field}" of a commitment proof is malformed`, {
    code: 'DA_RESPONSE_INVALID',
    details: { field },
  })
}

const object = (value: unknown, field: string): CelestiaJson =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as CelestiaJson) : malformed(field)
const list = (value: unknown, field: string, max: number): unknown[] =>
  value === null || value === undefined ? [] : Array.isArray(value) && value.length <= max ? value : malformed(field)
const bytes = (value: unknown, field: string, length: number): Uint8Array => {
  const read = typeof value === 'string' && value.length <= 4096 ? fromBase64(value) : undefined
  return read?.length === length ? read : malformed(field)
}
/** Go leaves zeros out, and writes 64-bit integers as strings. */
const integer = (value: unknown, field: string): number => {
  const number = value === undefined ? 0 : typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : malformed(field)
}

/**
 * Reads a commitment proof as celestia-node writes it in JSON.
 *
 * @throws DaError `DA_RESPONSE_INVALID`
 * @example
 * ```ts
 * import { createCelestiaServer } from '@l2/da/testing/celestia'
 * import { createCelestiaClient, createCelestiaDa, namespaceOfName, parseCommitmentProof } from '@l2/da/celestia'
 *
 * const server = await createCelestiaServer()
 * const client = createCelestiaClient({ url: server.url, token: server.token })
 * const da = createCelestiaDa({ namespace: namespaceOfName('rollup') }, { client })
 * const { commitments } = await da.submit([Uint8Array.of(1)])
 * const { bytes } = await da.prove!(commitments[0]!)
 * console.log(parseCommitmentProof(JSON.parse(new TextDecoder().decode(bytes))).subtreeRoots.length) // 1
 * await server.close()
 * ```
 */
export function parseCommitmentProof(json: unknown): CommitmentProof {
  const proof = object(json, 'proof')
  const rows = object(proof['row_proof'], 'row_proof')
  return {
    subtreeRoots: list(proof['subtree_roots'], 'subtree_roots', 65_536).map(root =>
      bytes(root, 'subtree_roots', nodeBytes),
    ),
    subtreeRootProofs: list(proof['subtree_root_proofs'], 'subtree_root_proofs', maxRows).map(item => {
      const range = object(item, 'subtree_root_proofs')
      return {
        start: integer(range['start'], 'start'),
        end: integer(range['end'], 'end'),
        nodes: list(range['nodes'], 'nodes', 64).map(node => bytes(node, 'nodes', nodeBytes)),
      }
    }),
    namespaceId: bytes(proof['namespace_id'], 'namespace_id', namespaceBytes - 1),
    namespaceVersion: integer(proof['namespace_version'], 'namespace_version'),
    rowProof: {
      rowRoots: list(rows['row_roots'], 'row_roots', maxRows).map(root => rowRootBytes(root)),
      proofs: list(rows['proofs'], 'proofs', maxRows).map(item => {
        const row = object(item, 'proofs')
        return {
          total: integer(row['total'], 'total'),
          index: integer(row['index'], 'index'),
          leafHash: bytes(row['leaf_hash'], 'leaf_hash', 32),
          aunts: list(row['aunts'], 'aunts', 64).map(aunt => bytes(aunt, 'aunts', 32)),
        }
      }),
      startRow: integer(rows['start_row'], 'start_row'),
      endRow: integer(rows['end_row'], 'end_row'),
    },
  }
}

/** Row roots come in base64 from some versions and in hex from others. */
function rowRootBytes(value: unknown): Uint8Array {
  if (typeof value === 'string' && /^[0-9a-fA-F]{180}$/.test(value)) {
    return Uint8Array.from({ length: nodeBytes }, (_, i) => Number.parseInt(value.slice(2 * i, 2 * i + 2), 16))
  }
  return bytes(value, 'row_roots', nodeBytes)
}

/**
 * Writes a proof as celestia-node does: zeros left out, 64-bit integers as strings.
 *
 * @example
 * ```ts
 * import { type CommitmentProof, formatCommitmentProof, parseCommitmentProof } from '@l2/da/celestia'
 *
 * const again = (proof: CommitmentProof) => parseCommitmentProof(formatCommitmentProof(proof))
 * console.log(typeof again) // function
 * ```
 */
export function formatCommitmentProof(proof: CommitmentProof): CelestiaJson {
  const some = (name: string, value: number): CelestiaJson => (value === 0 ? {} : { [name]: value })
  return {
    subtree_roots: proof.subtreeRoots.map(toBase64),
    subtree_root_proofs: proof.subtreeRootProofs.map(({ start, end, nodes }) => ({
      ...some('start', start),
      end,
      nodes: nodes.map(toBase64),
      is_max_namespace_ignored: true,
    })),
    namespace_id: toBase64(proof.namespaceId),
    row_proof: {
      row_roots: proof.rowProof.rowRoots.map(toBase64),
      proofs: proof.rowProof.proofs.map(({ total, index, leafHash, aunts }) => ({
        total: String(total),
        ...(index === 0 ? {} : { index: String(index) }),
        leaf_hash: toBase64(leafHash),
        aunts: aunts.map(toBase64),
      })),
      ...some('start_row', proof.rowProof.startRow),
      ...some('end_row', proof.rowProof.endRow),
    },
    namespace_version: proof.namespaceVersion,
  }
}
