// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"encoding/json"
	"errors"
	"math/big"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
)

// callFrame is a call, a creation or a self-destruction, with those that it made.
type callFrame struct {
	From         common.Address  `json:"from"`
	Gas          hexutil.Uint64  `json:"gas"`
	GasUsed      hexutil.Uint64  `json:"gasUsed"`
	To           *common.Address `json:"to,omitempty"`
	Input        hexutil.Bytes   `json:"input"`
	Output       hexutil.Bytes   `json:"output,omitempty"`
	Error        string          `json:"error,omitempty"`
	RevertReason string          `json:"revertReason,omitempty"`
	Calls        []*callFrame    `json:"calls,omitempty"`
	Logs         []callLog       `json:"logs,omitempty"`
	Value        *hexutil.Big    `json:"value,omitempty"`
	Type         string          `json:"type"`

	kind     vm.OpCode
	reverted bool
}

type callLog struct {
	Address common.Address `json:"address"`
	Topics  []common.Hash  `json:"topics"`
	Data    hexutil.Bytes  `json:"data"`
	Index   hexutil.Uint   `json:"index"`
	// Position counts the calls of the frame before the log.
	Position hexutil.Uint `json:"position"`
}

func (f *callFrame) end(output []byte, err error, reverted bool) {
	if err != nil && !reverted {
		err = nil // code that could not be paid for, before Homestead
	}
	if err == nil {
		f.Output = common.CopyBytes(output)
		return
	}
	f.Error, f.reverted = err.Error(), reverted
	if f.kind == vm.CREATE || f.kind == vm.CREATE2 {
		f.To = nil
	}
	if !errors.Is(err, vm.ErrExecutionReverted) || len(output) == 0 {
		return
	}
	f.Output = common.CopyBytes(output)
	if reason, err := abi.UnpackRevert(output); err == nil {
		f.RevertReason = reason
	}
}

// dropLogs removes the logs of frames that failed, or that a failed one called.
func (f *callFrame) dropLogs(failed bool) {
	failed = failed || (f.Error != "" && f.reverted)
	if failed {
		f.Logs = nil
	}
	for _, inner := range f.Calls {
		inner.dropLogs(failed)
	}
}

// callTracer builds the tree of the calls of a transaction.
type callTracer struct {
	OnlyTopCall bool `json:"onlyTopCall"`
	WithLog     bool `json:"withLog"`

	call     *call
	open     []*callFrame // from the outermost
	top      *callFrame
	gasLimit uint64
	depth    int
}

func newCallTracer(c *call, _ tracedPlace, config json.RawMessage) (*tracer, error) {
	t := &callTracer{call: c}
	if err := json.Unmarshal(config, t); err != nil {
		return nil, err
	}
	return &tracer{t.hooks(), func() (json.RawMessage, error) {
		top, err := t.tree()
		if err != nil {
			return nil, err
		}
		return json.Marshal(top)
	}}, nil
}

func (t *callTracer) hooks() *tracing.Hooks {
	return &tracing.Hooks{
		OnTxStart: func(_ *tracing.VMContext, tx *types.Transaction, _ common.Address) { t.gasLimit = tx.Gas() },
		OnTxEnd:   t.onTxEnd,
		OnEnter:   t.onEnter,
		OnExit:    t.onExit,
		OnLog:     t.onLog,
	}
}

// tree is the outermost frame of a transaction that has ended.
func (t *callTracer) tree() (*callFrame, error) {
	if t.top == nil {
		return nil, errors.New("incorrect number of top-level calls")
	}
	if t.top.kind == vm.STOP { // what op-geth enters for a deposit that cannot be executed
		t.top.Error, t.top.To, t.top.Gas = "failed deposit transaction", nil, 0
	}
	return t.top, nil
}

func (t *callTracer) onEnter(depth int, kind byte, from, to common.Address, input []byte, gas uint64, value *big.Int) {
	t.depth = depth
	if t.OnlyTopCall && depth > 0 {
		return
	}
	t.call.grow(400 + 2*len(input))
	frame := &callFrame{
		kind:  vm.OpCode(kind),
		Type:  vm.OpCode(kind).String(),
		From:  from,
		To:    &to,
		Input: common.CopyBytes(input),
		Gas:   hexutil.Uint64(gas),
		Value: (*hexutil.Big)(value),
	}
	if depth == 0 {
		frame.Gas, t.top = hexutil.Uint64(t.gasLimit), frame
	} else if len(t.open) > 0 {
		outer := t.open[len(t.open)-1]
		outer.Calls = append(outer.Calls, frame)
	}
	t.open = append(t.open, frame)
}

func (t *callTracer) onExit(depth int, output []byte, gasUsed uint64, err error, reverted bool) {
	t.depth = depth - 1
	if (t.OnlyTopCall && depth > 0) || len(t.open) == 0 {
		return
	}
	t.call.grow(2 * len(output))
	frame := t.open[len(t.open)-1]
	t.open = t.open[:len(t.open)-1]
	frame.GasUsed = hexutil.Uint64(gasUsed)
	frame.end(output, err, reverted)
}

func (t *callTracer) onTxEnd(receipt *types.Receipt, err error) {
	if err != nil || t.top == nil {
		return
	}
	if receipt != nil {
		t.top.GasUsed = hexutil.Uint64(receipt.GasUsed)
	}
	if t.WithLog {
		t.top.dropLogs(false)
	}
}

func (t *callTracer) onLog(log *types.Log) {
	if !t.WithLog || (t.OnlyTopCall && t.depth > 0) || len(t.open) == 0 {
		return
	}
	t.call.grow(300 + 70*len(log.Topics) + 2*len(log.Data))
	frame := t.open[len(t.open)-1]
	frame.Logs = append(frame.Logs, callLog{log.Address, log.Topics, log.Data, hexutil.Uint(log.Index), hexutil.Uint(len(frame.Calls))})
}
