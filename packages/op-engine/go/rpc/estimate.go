// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/params"
)

// A wallet adds a fifth or a quarter to an estimate anyway, so that the search may end this near.
const estimateErrorRatio = 0.015

// estimateGas finds the lowest gas limit with which a transaction succeeds. Geth's own gasestimator is of a piece with this, but
// for the meter in the EVM.
func estimateGas(c *call, args TransactionArgs, at *BlockNumberOrHash, overrides *StateOverride, blockOverrides *BlockOverrides) (hexutil.Uint64, error) {
	c.executes()
	statedb, header, block, _, err := c.supposed(orLatest(at), overrides, blockOverrides)
	if err != nil {
		return 0, err
	}
	if args.Gas == nil {
		args.Gas = new(hexutil.Uint64) // fill would set the cap, which is no wish of the caller
	}
	if err := args.fill(c.gasCap, header.BaseFee, c.chain.Config().ChainID); err != nil {
		return 0, err
	}
	e := &estimate{c, statedb, header, block, args.message(header.BaseFee, true)}
	gas, err := e.search()
	return hexutil.Uint64(gas), err
}

type estimate struct {
	*call
	state   *state.StateDB
	header  *types.Header
	block   vm.BlockContext
	message *core.Message
}

func (e *estimate) search() (uint64, error) {
	high, err := e.highest()
	if err != nil {
		return 0, err
	}
	if len(e.message.Data) == 0 && e.message.To != nil && e.state.GetCodeSize(*e.message.To) == 0 {
		// A plain transfer; it is tried all the same, because an access list, say, makes it dearer.
		if result, err := e.run(params.TxGas); err == nil && result != nil && !result.Failed() {
			return params.TxGas, nil
		}
	}
	result, err := e.run(high)
	switch {
	case err != nil:
		return 0, err
	case result == nil || errors.Is(result.Err, vm.ErrOutOfGas):
		return 0, fmt.Errorf("gas required exceeds allowance (%d)", high)
	case errors.Is(result.Err, vm.ErrExecutionReverted):
		return 0, reverted(result.Revert())
	case result.Failed():
		return 0, result.Err
	}
	low := result.UsedGas - 1
	succeeds := func(gas uint64) (bool, error) {
		result, err := e.run(gas)
		return result != nil && !result.Failed(), err
	}
	// What was used, what was refunded, and what calls keep back: with that it mostly succeeds.
	if guess := (result.MaxUsedGas + params.CallStipend) * 64 / 63; guess < high {
		ok, err := succeeds(guess)
		if err != nil {
			return 0, err
		}
		if ok {
			high = guess
		} else {
			low = guess
		}
	}
	for low+1 < high && float64(high-low)/float64(high) >= estimateErrorRatio {
		middle := min(low+(high-low)/2, low*2) // most need little more than they use
		ok, err := succeeds(middle)
		if err != nil {
			return 0, err
		}
		if ok {
			high = middle
		} else {
			low = middle
		}
	}
	return high, nil
}

// highest is the gas limit that the caller, the block, the sender's balance and the cap of the request allow.
func (e *estimate) highest() (uint64, error) {
	config, message := e.chain.Config(), e.message
	high := e.header.GasLimit
	if message.GasLimit >= params.TxGas {
		high = message.GasLimit
	}
	if high > params.MaxTxGas && config.IsOsaka(e.block.BlockNumber, e.block.Time) {
		high = params.MaxTxGas
	}
	if message.GasFeeCap.Sign() != 0 {
		available := e.state.GetBalance(message.From).ToBig()
		if message.Value.Cmp(available) >= 0 {
			return 0, core.ErrInsufficientFundsForTransfer
		}
		available.Sub(available, message.Value)
		if config.IsCancun(e.header.Number, e.header.Time) && len(message.BlobHashes) > 0 {
			blobs := big.NewInt(int64(len(message.BlobHashes)) * params.BlobTxBlobGasPerBlob)
			if blobs.Mul(blobs, message.BlobGasFeeCap); blobs.Cmp(available) >= 0 {
				return 0, core.ErrInsufficientFunds
			}
			available.Sub(available, blobs)
		}
		if affordable := available.Div(available, message.GasFeeCap); affordable.IsUint64() {
			high = min(high, affordable.Uint64())
		}
	}
	if e.gasCap != 0 {
		high = min(high, e.gasCap)
	}
	return high, nil
}

// run tries one gas limit. A result of nil: more, or less, gas is needed for the transaction to run at all.
func (e *estimate) run(gas uint64) (*core.ExecutionResult, error) {
	e.look()
	statedb, block, message := e.state.Copy(), e.block, *e.message
	message.GasLimit = gas
	free(&block, &message)
	result, err := core.ApplyMessage(e.evm(block, statedb, e.chain.Config(), nil, true), &message, nil)
	if fault := statedb.Error(); fault != nil {
		return nil, fault
	}
	if errors.Is(err, core.ErrIntrinsicGas) || errors.Is(err, core.ErrGasLimitTooHigh) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("failed with %d gas: %w", gas, err)
	}
	return result, nil
}
