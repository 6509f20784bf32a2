// SPDX-License-Identifier: LGPL-3.0-or-later

// Package rpc answers the JSON-RPC reads of a node on an OP chain, in geth's words and with its codes.
//
// Geth's own handlers (internal/ethapi, eth/tracers) cannot be used: they link the peer-to-peer network and LevelDB, which do not
// compile to WebAssembly, and they bound time with goroutines, which do not run there while the interpreter does.
package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"

	"opengine/engine"
	"opengine/protocol"
)

// Limits bound one request. A zero field has no bound.
type Limits struct {
	// AnswerBytes is about how much memory an answer may take while it is collected.
	AnswerBytes int
	// LogBlocks is the widest range of eth_getLogs, in blocks.
	LogBlocks uint64
	// Logs is how many eth_getLogs answers with.
	Logs int
}

// crashed is all that geth says of a handler that did.
const crashed = "method handler crashed"

// DefaultLimits are those of a node that strangers may ask.
var DefaultLimits = Limits{AnswerBytes: 64 << 20, LogBlocks: 10_000, Logs: 20_000}

// Handler answers requests of users.
type Handler struct {
	// Version is what the engine says of itself: op-engine/<version>.
	Version string
	Limits  Limits
}

var standard = Handler{Version: protocol.Version, Limits: DefaultLimits}

// Handle answers a request within the default limits.
func Handle(ctx context.Context, chain engine.Reader, method string, params json.RawMessage, gasCap uint64) (json.RawMessage, *Error) {
	return standard.Handle(ctx, chain, method, params, gasCap)
}

var _ protocol.Reads = Handle

// Handle answers a request: with its result, or with the error that geth would answer with. Params are a JSON array, or nothing; a
// gas cap of 0 is none. The context's Err is asked every millisecond or so, its Done never.
func (h Handler) Handle(ctx context.Context, chain engine.Reader, name string, params json.RawMessage, gasCap uint64) (result json.RawMessage, failure *Error) {
	method, found := methods[name]
	if !found {
		return nil, methodNotFound(name)
	}
	args, err := parseArguments(params, method.in)
	if err != nil {
		return nil, inGethsWords(err)
	}
	c := &call{Handler: h, chain: chain, meter: newMeter(ctx, h.Limits.AnswerBytes), gasCap: gasCap}
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case stopped:
			result, failure = nil, thrown.err
		default:
			fmt.Fprintf(os.Stderr, "%s crashed: %v\n%s\n", name, thrown, debug.Stack())
			result, failure = nil, &Error{Code: codeInternal, Message: crashed}
		}
	}()
	out := method.run.Call(append([]reflect.Value{reflect.ValueOf(c)}, args...))
	if err, _ := out[1].Interface().(error); err != nil {
		return nil, inGethsWords(err)
	}
	result, err = json.Marshal(out[0].Interface())
	if err != nil {
		return nil, &Error{Code: codeInternal, Message: err.Error()}
	}
	return result, nil
}

// call is a request under way.
type call struct {
	Handler
	*meter
	chain  engine.Reader
	gasCap uint64
}

// method is a handler: func(*call, its arguments…) (result, error). An argument of a pointer type is optional.
type method struct {
	run reflect.Value
	in  []reflect.Type
}

func handlers(named map[string]any) map[string]method {
	methods := make(map[string]method, len(named))
	for name, handler := range named {
		run := reflect.ValueOf(handler)
		m := method{run: run}
		for i := 1; i < run.Type().NumIn(); i++ {
			m.in = append(m.in, run.Type().In(i))
		}
		methods[name] = m
	}
	return methods
}

// inGethsWords gives an error the code that geth would give it. A fault of the store is none of the caller's business: who calls
// [Handle] finds it on the chain.
func inGethsWords(err error) *Error {
	var ours *Error
	var fault *engine.Error
	switch {
	case errors.As(err, &ours):
		return ours
	case !errors.As(err, &fault):
		return &Error{Code: codeDefault, Message: err.Error()}
	case fault.Code == engine.StatePruned:
		return &Error{Code: codeDefault, Message: fault.Message}
	case fault.Code == engine.HistoryPruned:
		return errHistoryPruned
	}
	return &Error{Code: codeInternal, Message: fault.Message}
}
