import { openLogStore } from '../store/log.js'
import type { FromWorker, ToWorker } from '../worker/messages.js'
import { serve } from '../worker/serve.js'
import { opfsFolder } from './opfs-folder.js'

type WorkerScope = {
  postMessage(message: FromWorker, transfer: ArrayBuffer[]): void
  addEventListener(type: 'message', listener: (event: { data: ToWorker }) => void): void
}
const scope = globalThis as unknown as WorkerScope

serve({
  post: (message, transfer) => scope.postMessage(message, transfer),
  onMessage: listener => scope.addEventListener('message', event => listener(event.data)),
  loadGlue: async url => void (await import(/* @vite-ignore */ url)),
  async openStore(location, readOnly) {
    return openLogStore(await opfsFolder(location.path), {
      readOnly,
      segmentBytes: location.type === 'opfs' ? location.segmentBytes : undefined,
    })
  },
})
