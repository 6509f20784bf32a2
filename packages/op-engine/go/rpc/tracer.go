// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/eth/tracers/logger"
)

// tracer watches a transaction and says what it saw.
type tracer struct {
	hooks  *tracing.Hooks
	result func() (json.RawMessage, error)
}

// tracers are geth's native ones, by name. Its tracers in JavaScript want an interpreter of that language, and are not.
var tracers = map[string]func(c *call, place tracedPlace, config json.RawMessage) (*tracer, error){}

func init() {
	tracers["callTracer"] = newCallTracer
	tracers["flatCallTracer"] = newFlatCallTracer
	tracers["prestateTracer"] = newPrestateTracer
	tracers["4byteTracer"] = newFourByteTracer
	tracers["noopTracer"] = newNoopTracer
	tracers["muxTracer"] = newMuxTracer
}

// tracedPlace is where in the chain a transaction is that is traced; a call is nowhere.
type tracedPlace struct {
	block       *common.Hash
	number      uint64
	transaction *common.Hash
	index       int
}

func (c *call) tracer(place tracedPlace, config *TraceConfig) (*tracer, error) {
	if config.Tracer == nil {
		return c.structLogger(config.Config), nil
	}
	return c.namedTracer(*config.Tracer, place, config.TracerConfig)
}

func (c *call) namedTracer(name string, place tracedPlace, config json.RawMessage) (*tracer, error) {
	make, found := tracers[name]
	if !found {
		return nil, fmt.Errorf("tracer %.100q not found", name)
	}
	if len(config) == 0 {
		config = json.RawMessage("{}")
	}
	return make(c, place, config)
}

// structLogger is geth's log of each opcode. A loop makes it grow without end, so that its entries are counted.
func (c *call) structLogger(config *logger.Config) *tracer {
	log := logger.NewStructLogger(config)
	if config == nil {
		config = &logger.Config{}
	}
	hooks := log.Hooks()
	written := map[common.Address]map[common.Hash]bool{} // slots, of which each entry of a storage opcode shows all so far
	record := hooks.OnOpcode
	hooks.OnOpcode = func(pc uint64, op byte, gas, cost uint64, scope tracing.OpContext, data []byte, depth int, err error) {
		size := 100
		stack := scope.StackData()
		if !config.DisableStack {
			for i := range stack {
				size += 5 + stack[i].BitLen()/4
			}
		}
		if config.EnableMemory {
			size += len(scope.MemoryData()) * 67 / 32
		}
		if config.EnableReturnData {
			size += 2 * len(data)
		}
		if storage := vm.OpCode(op) == vm.SLOAD || vm.OpCode(op) == vm.SSTORE; storage && !config.DisableStorage && len(stack) > 0 {
			slots := written[scope.Address()]
			if slots == nil {
				slots = map[common.Hash]bool{}
				written[scope.Address()] = slots
			}
			slots[stack[len(stack)-1].Bytes32()] = true
			size += 135 * len(slots)
		}
		c.grow(size)
		record(pc, op, gas, cost, scope, data, depth, err)
	}
	return &tracer{hooks, log.GetResult}
}

// newNoopTracer makes a tracer that sees nothing: it measures what tracing costs.
func newNoopTracer(*call, tracedPlace, json.RawMessage) (*tracer, error) {
	return &tracer{&tracing.Hooks{}, func() (json.RawMessage, error) { return json.RawMessage("{}"), nil }}, nil
}

var errNestedMux = errors.New("a muxTracer cannot hold another")

// newMuxTracer makes a tracer of several, by name.
func newMuxTracer(c *call, place tracedPlace, config json.RawMessage) (*tracer, error) {
	var configs map[string]json.RawMessage
	if err := json.Unmarshal(config, &configs); err != nil {
		return nil, err
	}
	all := map[string]*tracer{}
	hooks := &tracing.Hooks{}
	for name, config := range configs {
		if name == "muxTracer" {
			return nil, errNestedMux
		}
		one, err := c.namedTracer(name, place, config)
		if err != nil {
			return nil, err
		}
		all[name] = one
		hooks = both(hooks, one.hooks)
	}
	return &tracer{hooks, func() (json.RawMessage, error) {
		results := map[string]json.RawMessage{}
		for name, one := range all {
			result, err := one.result()
			if err != nil {
				return nil, err
			}
			results[name] = result
		}
		return json.Marshal(results)
	}}, nil
}
