import { join } from 'node:path'
import { createRouterDa, type DataAvailability, type L1DataAvailability, type RouterEvent, type Store } from '@l2/da'
import { createCelestiaClient, createCelestiaDa, namespaceOfName } from '@l2/da/celestia'
import { createFileStore } from '@l2/da/node'
import { createObjectDa, createS3Store } from '@l2/da/object'
import { createMemoryDa } from '@l2/da/testing'
import { createCelestiaServer } from '@l2/da/testing/celestia'
import { NodeError } from '../errors.js'
import type { ChainIdentity } from '../storage/data-directory.js'

/** Where data goes besides L1. */
export type LayerOptions = {
  /** A celestia-node's JSON-RPC; without it one runs here, in memory. Its token comes from CELESTIA_TOKEN. */
  celestia?: string | undefined
  /** A bucket of an S3 server and a folder in it. Keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. */
  s3?: string | undefined
  /** How long the router lets its first layer stall, milliseconds. */
  stallMs: number
}

export type LayerParts = {
  blobs: L1DataAvailability
  calldata: L1DataAvailability
  /** Journals of submissions. */
  store: Store
  directory: string
  /** Given what has to be closed before the rest. */
  closers: (() => PromiseLike<void>)[]
  say(message: string): void
}

/** The data layer that the chain was made with. @throws NodeError `CONFIG_INVALID` */
export async function openLayer(
  identity: ChainIdentity,
  config: LayerOptions,
  { blobs, calldata, store, directory, closers, say }: LayerParts,
): Promise<DataAvailability> {
  const celestia = async (): Promise<DataAvailability> => {
    let url = config.celestia
    let token = process.env['CELESTIA_TOKEN']
    if (url === undefined) {
      const server = await createCelestiaServer()
      closers.unshift(() => server.close())
      ;({ url, token } = server)
    }
    return createCelestiaDa(
      { namespace: namespaceOfName(`l2-${identity.chainId}`), pollMs: 500 },
      { client: createCelestiaClient({ url, ...(token === undefined ? {} : { token }) }), store },
    )
  }
  const s3 = async (): Promise<DataAvailability> => {
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION } = process.env
    if (AWS_ACCESS_KEY_ID === undefined || AWS_SECRET_ACCESS_KEY === undefined) {
      throw new NodeError('--s3 needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY', { code: 'CONFIG_INVALID' })
    }
    const credentials = () => ({
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      sessionToken: AWS_SESSION_TOKEN,
    })
    const objects = createS3Store(
      { url: config.s3!, ...(AWS_REGION === undefined ? {} : { region: AWS_REGION }) },
      { credentials },
    )
    return createObjectDa({}, { objects, journal: store })
  }
  /** What is behind Ethereum while L1 does not answer. */
  const behind = config.s3 === undefined ? celestia : s3
  const layers: Record<string, () => Promise<DataAvailability>> = {
    ethereum: async () => blobs,
    'ethereum-blobs': async () => blobs,
    'ethereum-calldata': async () => calldata,
    memory: async () => createMemoryDa({}, { store: createFileStore(join(directory, 'memory-da')) }),
    celestia,
    s3,
    router: async () =>
      createRouterDa(
        { policy: 'failover', limits: 'active', stallMs: config.stallMs, probeMs: 2000, cooldownMs: config.stallMs },
        { layers: [{ da: blobs }, { da: await behind() }], store, onEvent: onRouterEvent },
      ),
  }
  const onRouterEvent = (event: RouterEvent): void => {
    if (event.type === 'failed-over') say(`${event.from} does not take data now: a batch went to ${event.to}`)
    if (event.type === 'switched') say(`data goes to ${event.to} now, not to ${event.from}`)
  }
  return await layers[identity.dataAvailability]!()
}
