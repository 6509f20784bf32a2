import { isL2Error } from '@l2/common'
import { SequencerError } from '../errors.js'
import type { CallOptions } from './engine.js'
import { invalidParams, methodNotFound, unsupportedFork } from './engine-error.js'
import type { JsonRpc } from './json-rpc.js'

/** Methods that we can call, newest first where versions exist. */
export const engineMethods = {
  forkchoiceUpdated: ['engine_forkchoiceUpdatedV3', 'engine_forkchoiceUpdatedV2', 'engine_forkchoiceUpdatedV1'],
  getPayload: [
    'engine_getPayloadV5',
    'engine_getPayloadV4',
    'engine_getPayloadV3',
    'engine_getPayloadV2',
    'engine_getPayloadV1',
  ],
  newPayload: ['engine_newPayloadV4', 'engine_newPayloadV3', 'engine_newPayloadV2', 'engine_newPayloadV1'],
} as const
type Method = keyof typeof engineMethods

/** Calls a method of the Engine API in the version that its fork wants. */
export type VersionedCall = <T>(
  method: Method,
  parameters: (method: string) => readonly unknown[],
  options: CallOptions | undefined,
) => Promise<T>

/** Begins with the newest version that the engine has, steps down when it answers "unsupported fork", and remembers. */
export function createVersionedCall(engine: JsonRpc, capabilities: ReadonlySet<string>): VersionedCall {
  /** Index of the version in use, for each method. */
  const inUse: Record<Method, number> = { forkchoiceUpdated: 0, getPayload: 0, newPayload: 0 }
  return async <T>(
    method: Method,
    parameters: (method: string) => readonly unknown[],
    options: CallOptions | undefined,
  ): Promise<T> => {
    const versions = engineMethods[method].filter(version => capabilities.has(version))
    let failure: unknown
    for (let attempt = 0; attempt < versions.length; attempt++) {
      const at = (inUse[method] + attempt) % versions.length
      const version = versions[at]!
      try {
        const answer = await engine.call<T>(version, parameters(version), options)
        inUse[method] = at
        return answer
      } catch (error) {
        const code = isL2Error(error) ? error.details['rpcCode'] : undefined
        if (code !== unsupportedFork && code !== methodNotFound && code !== invalidParams) throw error
        // The first refusal says most: the others only say that they are of another fork.
        failure ??= error
      }
    }
    throw (
      failure ??
      new SequencerError(`the engine has no version of ${method} that we speak`, {
        code: 'ENGINE_RPC',
        details: { method, capabilities: [...capabilities] },
      })
    )
  }
}
