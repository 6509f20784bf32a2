// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
)

// newFourByteTracer makes a tracer that counts the selectors of calls, each with the size of the data behind it.
func newFourByteTracer(c *call, _ tracedPlace, _ json.RawMessage) (*tracer, error) {
	counts := map[string]int{}
	var precompiles []common.Address
	return &tracer{
		&tracing.Hooks{
			OnTxStart: func(env *tracing.VMContext, _ *types.Transaction, _ common.Address) {
				precompiles = vm.ActivePrecompiles(c.chain.Config().Rules(env.BlockNumber, env.Random != nil, env.Time))
			},
			OnEnter: func(_ int, kind byte, _, to common.Address, input []byte, _ uint64, _ *big.Int) {
				switch vm.OpCode(kind) {
				case vm.CALL, vm.CALLCODE, vm.DELEGATECALL, vm.STATICCALL:
				default:
					return
				}
				if len(input) < 4 || slices.Contains(precompiles, to) {
					return
				}
				c.grow(4)
				counts[fmt.Sprintf("%#x-%d", input[:4], len(input)-4)]++
			},
		},
		func() (json.RawMessage, error) { return json.Marshal(counts) },
	}, nil
}
