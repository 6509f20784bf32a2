import { parentPort } from 'node:worker_threads'
import { openLogStore } from '../store/log.js'
import type { ToWorker } from '../worker/messages.js'
import { serve } from '../worker/serve.js'
import { fileFolder } from './file-folder.js'
import { openLmdbStore } from './lmdb.js'

const port = parentPort!
serve({
  post: (message, transfer) => port.postMessage(message, transfer),
  onMessage: listener => port.on('message', (message: ToWorker) => listener(message)),
  loadGlue: async url => void (await import(url)),
  openStore(location, readOnly) {
    if (location.type === 'lmdb') return openLmdbStore(location.path, readOnly)
    return openLogStore(fileFolder(location.path), { readOnly, segmentBytes: location.segmentBytes })
  },
})
