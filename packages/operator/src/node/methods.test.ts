import { OrderedMap } from '@l2/common'
import { createControlState, defaultParameters } from '@l2/control-chain'
import { expect, it } from 'vitest'
import { controlCheck, type OperatorView, operatorMetrics } from './methods.js'

const hash = `0x${'01'.repeat(32)}` as const
const state = {
  ...createControlState({
    chainId: 901n,
    genesis: { height: 0n, hash },
    members: [1, 2].map(id => ({ id, power: 10n })),
    parameters: defaultParameters,
  }),
  records: OrderedMap.from([[2, { led: 5, missed: 1, named: 7, late: 3 }]] as const),
  jailed: OrderedMap.from([[3, 8n]] as const),
}
const status = {
  ...{ height: 9n, sinceBlockMs: 250, toleratedPower: 6n, waiting: undefined as string | undefined },
  quorum: { present: [1], power: 10n, total: 20n },
}

it('tells of each operator what the sentinel has seen, also of one that it never saw', () => {
  const view = {
    ...{ id: 1, operators: [1, 2, 3].map(id => ({ id })), sequencer: { head: { number: 4n } } },
    core: { milestone: () => ({ number: 3n, hash }), lags: [] },
    chain: { state: () => state, status },
    gossip: { status: () => ({ peers: [{ operator: 2, isConnected: true }] }) },
    convictions: { all: [] },
    duty: { isOn: true },
  } as unknown as OperatorView
  const values = Object.fromEntries(
    operatorMetrics(view).map(({ name, read }) => [name, read().map(({ value }) => value)]),
  )
  expect(values).toEqual({
    l2_operator_led_total: [0, 5, 0],
    l2_operator_missed_total: [0, 1, 0],
    l2_operator_named_total: [0, 7, 0],
    l2_operator_late_total: [0, 3, 0],
    l2_operator_power: [10, 10, 0],
    l2_operator_jailed: [0, 0, 1],
    l2_operator_present: [1, 0, 0],
    l2_operator_connected: [1, 1, 0],
    l2_operator_on_duty: [1],
    l2_control_height: [9],
    l2_control_silent_seconds: [0.25],
    l2_control_term: [0],
    l2_milestone_number: [3],
  })
  expect(operatorMetrics(view)[0]!.read()[2]!.labels).toEqual({ operator: '3' })
})

it('calls the control chain ill when it stands, and when its engine does not run', () => {
  expect(controlCheck({ status })).toEqual({ ok: true })
  const stands = controlCheck({ status: { ...status, sinceBlockMs: 40_000 } })
  expect(stands).toEqual({ ok: false, reason: 'no control block for 40 s; 10 of 20 voted last' })
  const killed = { ...status, waiting: 'CometBFT ended with SIGKILL, and is started again' }
  expect(controlCheck({ status: killed })).toEqual({ ok: false, reason: killed.waiting })
})
