import { readSchema } from '@l2/common/schema'
import * as z from 'zod/mini'
import { SequencerError } from '../../errors.js'

/** Parameters of an express lane: times in milliseconds. Defaults are Arbitrum One's. */
export type ExpressLaneParameters = {
  /** When round 0 began, milliseconds since the Unix epoch. Default 0. */
  offsetMs: number
  /** Length of a round. Default 60 000; at least 10 000. */
  roundMs: number
  /** How long before its round's end an auction closes. Default 15 000; at least 5 000. */
  closingMs: number
  /** How long before closing the reserve price is frozen. Default 15 000; at least 1 000. */
  reserveBlackoutMs: number
  /** What everybody outside the lane waits at the door while there is a controller. Default 200. */
  delayMs: number
  /** How long before a round its messages may come; they are held until it begins. Default 2 000. */
  graceMs: number
  /** Bids of one bidder for one round. Default 5. */
  maxBids: number
  /** How far ahead of the next sequence number a message may be. Default 1000. */
  maxAhead: number
  /** Heights after which a lane transaction expires. Default 5. */
  maxBlocks: number
}

/** The defaults of {@link ExpressLaneParameters}. */
export const defaultExpressLaneParameters: ExpressLaneParameters = {
  offsetMs: 0,
  roundMs: 60_000,
  closingMs: 15_000,
  reserveBlackoutMs: 15_000,
  delayMs: 200,
  graceMs: 2_000,
  maxBids: 5,
  maxAhead: 1_000,
  maxBlocks: 5,
}

const schema = /* @__PURE__ */ (() =>
  z
    .strictObject({
      offsetMs: z.number().check(z.nonnegative()),
      roundMs: z.number().check(z.minimum(10_000)),
      closingMs: z.number().check(z.minimum(5_000)),
      reserveBlackoutMs: z.number().check(z.minimum(1_000)),
      delayMs: z.number().check(z.nonnegative()),
      graceMs: z.number().check(z.nonnegative()),
      maxBids: z.int().check(z.positive()),
      maxAhead: z.int().check(z.positive()),
      maxBlocks: z.int().check(z.positive()),
    })
    .check(
      z.refine(
        ({ closingMs, reserveBlackoutMs, roundMs }) => closingMs + reserveBlackoutMs < roundMs,
        'closing and blackout together are not shorter than the round',
      ),
    ))()

/** @throws SequencerError `POLICY_PARAMETERS`, naming every parameter that is wrong */
export function readExpressLaneParameters(parameters: Partial<ExpressLaneParameters>): ExpressLaneParameters {
  const result = readSchema(schema, { ...defaultExpressLaneParameters, ...parameters })
  if (!result.ok)
    throw new SequencerError('express-lane parameters are wrong', {
      code: 'POLICY_PARAMETERS',
      meta: result.issues,
    })
  return result.value
}

/** The round that a time is in. */
export function roundAt(parameters: ExpressLaneParameters, timeMs: number): bigint {
  return BigInt(Math.floor((timeMs - parameters.offsetMs) / parameters.roundMs))
}

/** When a round begins, milliseconds since the Unix epoch. */
export function roundStartMs(parameters: ExpressLaneParameters, round: bigint): number {
  return parameters.offsetMs + Number(round) * parameters.roundMs
}

/** Whether the auction for the next round is closed. */
export function isClosing(parameters: ExpressLaneParameters, timeMs: number): boolean {
  return roundStartMs(parameters, roundAt(parameters, timeMs) + 1n) - timeMs <= parameters.closingMs
}

/** Whether the reserve price may not be changed: from the blackout before closing to the round's end. */
export function isReserveFrozen(parameters: ExpressLaneParameters, timeMs: number): boolean {
  const left = roundStartMs(parameters, roundAt(parameters, timeMs) + 1n) - timeMs
  return left <= parameters.closingMs + parameters.reserveBlackoutMs
}
