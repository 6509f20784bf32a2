// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"encoding/json"
	"math/big"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
)

// flatFrame is a call as Parity's trace_* showed it: one of a list, with its place in the tree.
type flatFrame struct {
	Action              flatAction   `json:"action"`
	BlockHash           *common.Hash `json:"blockHash"`
	BlockNumber         uint64       `json:"blockNumber"`
	Error               string       `json:"error,omitempty"`
	Result              *flatResult  `json:"result,omitempty"`
	Subtraces           int          `json:"subtraces"`
	TraceAddress        []int        `json:"traceAddress"`
	TransactionHash     *common.Hash `json:"transactionHash"`
	TransactionPosition uint64       `json:"transactionPosition"`
	Type                string       `json:"type"`
}

type flatAction struct {
	SelfDestructed *common.Address `json:"address,omitempty"`
	Balance        *hexutil.Big    `json:"balance,omitempty"`
	CallType       string          `json:"callType,omitempty"`
	CreationMethod string          `json:"creationMethod,omitempty"`
	From           *common.Address `json:"from,omitempty"`
	Gas            *hexutil.Uint64 `json:"gas,omitempty"`
	Init           *hexutil.Bytes  `json:"init,omitempty"`
	Input          *hexutil.Bytes  `json:"input,omitempty"`
	RefundAddress  *common.Address `json:"refundAddress,omitempty"`
	To             *common.Address `json:"to,omitempty"`
	Value          *hexutil.Big    `json:"value,omitempty"`
}

type flatResult struct {
	Address *common.Address `json:"address,omitempty"`
	Code    *hexutil.Bytes  `json:"code,omitempty"`
	GasUsed *hexutil.Uint64 `json:"gasUsed,omitempty"`
	Output  *hexutil.Bytes  `json:"output,omitempty"`
}

// parityErrors are Parity's words for errors of the EVM, by how those begin.
var parityErrors = []struct{ begin, parity string }{
	{"contract creation code storage out of gas", "Out of gas"},
	{"out of gas", "Out of gas"},
	{"gas uint64 overflow", "Out of gas"},
	{"max code size exceeded", "Out of gas"},
	{"invalid jump destination", "Bad jump destination"},
	{"execution reverted", "Reverted"},
	{"return data out of bounds", "Out of bounds"},
	{"stack limit reached 1024 (1023)", "Out of stack"},
	{"precompiled failed", "Built-in failed"},
	{"invalid input length", "Built-in failed"},
	{"invalid opcode:", "Bad instruction"},
	{"stack underflow", "Stack underflow"},
}

// flatTracer lists the calls that a callTracer finds, by default without those of precompiles.
type flatTracer struct {
	ConvertParityErrors bool `json:"convertParityErrors"`
	IncludePrecompiles  bool `json:"includePrecompiles"`

	calls       *callTracer
	call        *call
	place       tracedPlace
	precompiles []common.Address
}

func newFlatCallTracer(c *call, place tracedPlace, config json.RawMessage) (*tracer, error) {
	t := &flatTracer{calls: &callTracer{call: c}, call: c, place: place}
	if err := json.Unmarshal(config, t); err != nil {
		return nil, err
	}
	inner := t.calls.hooks()
	hooks := &tracing.Hooks{
		OnTxStart: func(env *tracing.VMContext, tx *types.Transaction, from common.Address) {
			inner.OnTxStart(env, tx, from)
			t.precompiles = vm.ActivePrecompiles(c.chain.Config().Rules(env.BlockNumber, env.Random != nil, env.Time))
		},
		OnTxEnd: inner.OnTxEnd,
		OnEnter: func(depth int, kind byte, from, to common.Address, input []byte, gas uint64, value *big.Int) {
			if depth > 0 && value == nil {
				value = new(big.Int) // of a STATICCALL
			}
			inner.OnEnter(depth, kind, from, to, input, gas, value)
		},
		OnExit: t.onExit,
	}
	return &tracer{hooks, t.result}, nil
}

func (t *flatTracer) onExit(depth int, output []byte, gasUsed uint64, err error, reverted bool) {
	t.calls.onExit(depth, output, gasUsed, err, reverted)
	if depth == 0 || t.IncludePrecompiles || len(t.calls.open) == 0 {
		return
	}
	outer := t.calls.open[len(t.calls.open)-1]
	ended := outer.Calls[len(outer.Calls)-1]
	if (ended.kind == vm.CALL || ended.kind == vm.STATICCALL) && slices.Contains(t.precompiles, *ended.To) {
		outer.Calls = outer.Calls[:len(outer.Calls)-1]
	}
}

func (t *flatTracer) result() (json.RawMessage, error) {
	top, err := t.calls.tree()
	if err != nil {
		return nil, err
	}
	return json.Marshal(t.flatten(nil, top, []int{}))
}

func (t *flatTracer) flatten(list []*flatFrame, frame *callFrame, address []int) []*flatFrame {
	t.call.grow(600 + 8*len(address) + 2*len(frame.Input) + 2*len(frame.Output))
	flat := t.flat(frame)
	flat.Error, flat.Subtraces, flat.TraceAddress = frame.Error, len(frame.Calls), address
	if flat.Error != "" && flat.Error != vm.ErrExecutionReverted.Error() {
		flat.Result = nil // it says why a call reverted, and nothing else
	}
	if t.ConvertParityErrors {
		for _, known := range parityErrors {
			if strings.HasPrefix(flat.Error, known.begin) {
				flat.Error = known.parity
				break
			}
		}
	}
	list = append(list, flat)
	for i, inner := range frame.Calls {
		list = t.flatten(list, inner, append(slices.Clone(address), i))
	}
	return list
}

func (t *flatTracer) flat(frame *callFrame) *flatFrame {
	flat := &flatFrame{
		BlockHash: t.place.block, BlockNumber: t.place.number, TransactionHash: t.place.transaction, TransactionPosition: uint64(t.place.index),
		Type: "call",
	}
	kind := strings.ToLower(frame.Type)
	switch frame.kind {
	case vm.CREATE, vm.CREATE2:
		flat.Type = "create"
		flat.Action = flatAction{CreationMethod: kind, From: &frame.From, Gas: &frame.Gas, Value: frame.Value, Init: &frame.Input}
		flat.Result = &flatResult{GasUsed: &frame.GasUsed, Address: frame.To, Code: &frame.Output}
	case vm.SELFDESTRUCT:
		flat.Type = "suicide"
		flat.Action = flatAction{SelfDestructed: &frame.From, Balance: frame.Value, RefundAddress: frame.To}
	default:
		flat.Action = flatAction{From: &frame.From, To: frame.To, Gas: &frame.Gas, Value: frame.Value, CallType: kind, Input: &frame.Input}
		flat.Result = &flatResult{GasUsed: &frame.GasUsed, Output: &frame.Output}
	}
	return flat
}
