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

/**
 * Calls a method of the Engine API in the version that its fork wants.
 *
 * @param versions those that can be meant, where the caller knows
 */
export type VersionedCall = <T>(
  method: Method,
  parameters: (method: string) => readonly unknown[],
  options: CallOptions | undefined,
  versions?: readonly string[],
) => Promise<T>

/**
 * The versions of `forkchoiceUpdated` that take attributes with these fields. A newer one would call them invalid, as it does what is wrong with their
 * transactions: it says by no code of its own that another version is meant. Source: the Engine API's specification, Paris, Shanghai, Cancun.
 */
export function forkchoiceVersions(attributes: Record<string, unknown>): readonly string[] {
  const [cancun, shanghai, paris] = engineMethods.forkchoiceUpdated
  if (attributes['parentBeaconBlockRoot'] !== undefined) return [cancun]
  return attributes['withdrawals'] === undefined ? [paris] : [shanghai]
}

/** Begins with the newest version that the engine has, steps down when it answers "unsupported fork", and remembers. */
export function createVersionedCall(engine: JsonRpc, capabilities: ReadonlySet<string>): VersionedCall {
  /** The version that was answered last, for each method. */
  const inUse = new Map<Method, string>()
  return async <T>(
    method: Method,
    parameters: (method: string) => readonly unknown[],
    options: CallOptions | undefined,
    meant: readonly string[] = engineMethods[method],
  ): Promise<T> => {
    const versions = meant.filter(version => capabilities.has(version))
    const first = Math.max(0, versions.indexOf(inUse.get(method) ?? ''))
    let failure: unknown
    for (let attempt = 0; attempt < versions.length; attempt++) {
      const version = versions[(first + attempt) % versions.length]!
      try {
        const answer = await engine.call<T>(version, parameters(version), options)
        inUse.set(method, version)
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
