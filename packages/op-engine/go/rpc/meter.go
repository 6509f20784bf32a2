// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"context"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/params"
)

// meter ends a request whose time is over, whose caller has gone, or whose answer grows too large. It throws, because it is asked
// from within the interpreter, and everything that is under way is thrown away with it: states of reads are copies.
//
// Geth bounds time with a goroutine that cancels the EVM. A WebAssembly file has one thread and no preemption: such a goroutine
// would run when the call has ended.
type meter struct {
	ctx      context.Context
	timeout  time.Duration // of all of the request; 0: none
	deadline time.Time     // sooner than the context's, where it is set
	overtime *Error        // what a request is told whose time is over

	work   uint64 // since the clock was last looked at
	room   int    // bytes that the answer may still grow by
	capped bool   // whether room counts
}

// stopped is what a meter throws.
type stopped struct{ err *Error }

// Between two looks at the clock: a fifth of a millisecond of arithmetic in native code, a millisecond in WebAssembly.
const workPerLook = 50_000

func newMeter(ctx context.Context, room int) *meter {
	m := &meter{ctx: ctx, overtime: &Error{Code: codeTimeout, Message: "request timed out"}, room: room, capped: room > 0}
	if deadline, ok := ctx.Deadline(); ok {
		m.timeout = asked(time.Until(deadline))
	}
	return m
}

// asked is the time limit that a caller named, told from what is left of it now. It stands in geth's words.
func asked(left time.Duration) time.Duration {
	if left > time.Second {
		return left.Round(100 * time.Millisecond)
	}
	return left.Round(10 * time.Millisecond)
}

// look looks at the clock and at the caller.
func (m *meter) look() {
	err := m.ctx.Err()
	switch {
	case err == context.DeadlineExceeded || (!m.deadline.IsZero() && time.Now().After(m.deadline)):
		panic(stopped{m.overtime})
	case err != nil:
		panic(stopped{&Error{Code: codeDefault, Message: err.Error()}})
	}
}

// did counts work that is done outside of the EVM, in units of gas.
func (m *meter) did(work uint64) {
	if m.work += work; m.work >= workPerLook {
		m.work = 0
		m.look()
	}
}

// grow counts bytes of the answer.
func (m *meter) grow(bytes int) {
	if m.capped {
		if m.room -= bytes; m.room < 0 {
			panic(stopped{&Error{Code: codeResponseTooLarge, Message: "response too large"}})
		}
	}
}

// executes sets the words for an execution that takes too long.
func (m *meter) executes() {
	m.overtime = &Error{Code: codeDefault, Message: fmt.Sprintf("execution aborted (timeout = %v)", m.timeout)}
}

// onGasChange is called before each opcode, and is the cheapest of the hooks that are: BenchmarkMeter says what it costs. Gas that is
// handed to a call, or back, is no work; of a precompile nothing else is heard.
func (m *meter) onGasChange(before, after uint64, _ tracing.GasChangeReason) {
	work := before - after // enormous where it rose
	if work > workPerLook {
		work = workPerLook / 8
	}
	if m.work += work + 8; m.work >= workPerLook {
		m.work = 0
		m.look()
	}
}

// evm makes an interpreter that the meter watches. The hooks, if any, are watched along with it.
func (m *meter) evm(block vm.BlockContext, statedb vm.StateDB, config *params.ChainConfig, hooks *tracing.Hooks, noBaseFee bool) *vm.EVM {
	watched := tracing.Hooks{}
	if hooks != nil {
		watched = *hooks
	}
	watched.OnGasChange = m.onGasChange
	return vm.NewEVM(block, statedb, config, vm.Config{Tracer: &watched, NoBaseFee: noBaseFee})
}
