// SPDX-License-Identifier: LGPL-3.0-or-later

// Package rpc answers the JSON-RPC reads of a node on an OP chain, in geth's words and with its codes.
//
// Geth's own handlers (internal/ethapi, eth/tracers) cannot be used: they link the peer-to-peer network and LevelDB, which do not
// compile to WebAssembly, and they bound time with goroutines, which do not run there while the interpreter does.
package rpc

import (
	"encoding/json"
	"errors"
	"reflect"
	"runtime/debug"
	"time"

	"github.com/ethereum/go-ethereum/log"

	"opengine/engine"
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

// DefaultLimits are those of a node that strangers may ask.
var DefaultLimits = Limits{AnswerBytes: 64 << 20, LogBlocks: 10_000, Logs: 20_000}

// Server answers requests about one chain. It holds no state of its own: many may be asked at the same time, of which each answers
// from the heads of when it began.
type Server struct {
	chain   engine.Reader
	version string
	limits  Limits
}

// New makes a server that calls itself op-engine/<version>.
func New(chain engine.Reader, version string, limits Limits) *Server {
	return &Server{chain: chain, version: version, limits: limits}
}

// Request is one call.
type Request struct {
	Method string
	// Params is a JSON array, or empty.
	Params json.RawMessage
	// GasCap bounds the gas of eth_call and its kin; 0 is no bound.
	GasCap uint64
	// Timeout bounds the time; 0 is no bound.
	Timeout time.Duration
	// Cancelled is asked every millisecond or so, where it is not nil.
	Cancelled func() bool
}

// ErrCancelled ends a request that nobody waits for any more.
var ErrCancelled = &engine.Error{Code: engine.Cancelled, Message: "the request was cancelled"}

// Call answers a request: with a result, or with an [*Error] for who asked. Another error (an [*engine.Error]) is a fault of the
// store or ErrCancelled, and says nothing about the request.
func (s *Server) Call(request Request) (result json.RawMessage, err error) {
	method, found := methods[request.Method]
	if !found {
		return nil, methodNotFound(request.Method)
	}
	args, err := parseArguments(request.Params, method.in)
	if err != nil {
		return nil, err
	}
	c := &call{
		Server: s,
		meter:  newMeter(request, s.limits.AnswerBytes),
		gasCap: request.GasCap,
	}
	faults := s.faults()
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case stopped:
			result, err = nil, thrown.err
		default:
			log.Error("A method crashed", "method", request.Method, "error", thrown, "stack", string(debug.Stack()))
			result, err = nil, &Error{Code: codeInternal, Message: "method handler crashed"}
		}
		if fault := s.faultSince(faults); fault != nil {
			result, err = nil, fault
		}
		err = inGethsWords(err)
	}()
	out := method.run.Call(append([]reflect.Value{reflect.ValueOf(c)}, args...))
	if err, _ := out[1].Interface().(error); err != nil {
		return nil, err
	}
	result, err = json.Marshal(out[0].Interface())
	if err != nil {
		return nil, &Error{Code: codeInternal, Message: err.Error()}
	}
	return result, nil
}

// call is a request under way.
type call struct {
	*Server
	*meter
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

// Methods lists what a server answers, in no order.
func Methods() (names []string) {
	for name := range methods {
		names = append(names, name)
	}
	return names
}

// faulty is a chain that counts the faults of its store, because geth's code takes what cannot be read for what is not there.
type faulty interface {
	Faults() uint64
	FaultSince(count uint64) *engine.Error
}

func (s *Server) faults() uint64 {
	if chain, ok := s.chain.(faulty); ok {
		return chain.Faults()
	}
	return 0
}

func (s *Server) faultSince(count uint64) error {
	if chain, ok := s.chain.(faulty); ok {
		if fault := chain.FaultSince(count); fault != nil {
			return fault
		}
	}
	return nil
}

// inGethsWords gives an error the code that geth would give it. Faults of the store pass through.
func inGethsWords(err error) error {
	if err == nil {
		return nil
	}
	var ours *Error
	if errors.As(err, &ours) {
		return ours
	}
	var fault *engine.Error
	if errors.As(err, &fault) {
		switch fault.Code {
		case engine.StatePruned:
			return &Error{Code: codeDefault, Message: fault.Message}
		case engine.HistoryPruned:
			return errHistoryPruned
		}
		return fault
	}
	return &Error{Code: codeDefault, Message: err.Error()}
}
