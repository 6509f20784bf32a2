// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/types"
)

// both are hooks that call a, then b: of those that tracers here have.
func both(a, b *tracing.Hooks) *tracing.Hooks {
	return &tracing.Hooks{
		OnTxStart: func(vm *tracing.VMContext, tx *types.Transaction, from common.Address) {
			for _, hook := range []tracing.TxStartHook{a.OnTxStart, b.OnTxStart} {
				if hook != nil {
					hook(vm, tx, from)
				}
			}
		},
		OnTxEnd: func(receipt *types.Receipt, err error) {
			for _, hook := range []tracing.TxEndHook{a.OnTxEnd, b.OnTxEnd} {
				if hook != nil {
					hook(receipt, err)
				}
			}
		},
		OnEnter: func(depth int, kind byte, from, to common.Address, input []byte, gas uint64, value *big.Int) {
			for _, hook := range []tracing.EnterHook{a.OnEnter, b.OnEnter} {
				if hook != nil {
					hook(depth, kind, from, to, input, gas, value)
				}
			}
		},
		OnExit: func(depth int, output []byte, gasUsed uint64, err error, reverted bool) {
			for _, hook := range []tracing.ExitHook{a.OnExit, b.OnExit} {
				if hook != nil {
					hook(depth, output, gasUsed, err, reverted)
				}
			}
		},
		OnOpcode: func(pc uint64, op byte, gas, cost uint64, scope tracing.OpContext, data []byte, depth int, err error) {
			for _, hook := range []tracing.OpcodeHook{a.OnOpcode, b.OnOpcode} {
				if hook != nil {
					hook(pc, op, gas, cost, scope, data, depth, err)
				}
			}
		},
		OnLog: func(log *types.Log) {
			for _, hook := range []tracing.LogHook{a.OnLog, b.OnLog} {
				if hook != nil {
					hook(log)
				}
			}
		},
	}
}
