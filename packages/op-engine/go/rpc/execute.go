// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"errors"
	"fmt"
	"math"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/eth/tracers/logger"
	"github.com/ethereum/go-ethereum/params"
)

// free lowers a base fee to zero where a call pays nothing, because the EVM holds a price below the base fee for impossible.
func free(block *vm.BlockContext, message *core.Message) {
	if message.GasPrice.Sign() == 0 {
		block.BaseFee = new(big.Int)
	}
	if message.BlobGasFeeCap != nil && message.BlobGasFeeCap.Sign() == 0 {
		block.BlobBaseFee = new(big.Int)
	}
}

// supposed is the place a call runs in: the state after a block, and that block, with what the caller supposes of both.
func (c *call) supposed(at BlockNumberOrHash, overrides *StateOverride, blockOverrides *BlockOverrides) (*state.StateDB, *types.Header, vm.BlockContext, vm.PrecompiledContracts, error) {
	statedb, header, err := c.stateTersely(at)
	if err != nil {
		return nil, nil, vm.BlockContext{}, nil, err
	}
	block := c.chain.BlockContext(header, statedb)
	if err := blockOverrides.apply(&block); err != nil {
		return nil, nil, vm.BlockContext{}, nil, err
	}
	precompiles := vm.ActivePrecompiledContracts(c.chain.Config().Rules(block.BlockNumber, block.Random != nil, block.Time))
	return statedb, header, block, precompiles, overrides.apply(statedb, precompiles)
}

func ethCall(c *call, args TransactionArgs, at *BlockNumberOrHash, overrides *StateOverride, blockOverrides *BlockOverrides) (hexutil.Bytes, error) {
	c.executes()
	statedb, header, block, precompiles, err := c.supposed(orLatest(at), overrides, blockOverrides)
	if err != nil {
		return nil, err
	}
	gas := core.NewGasPool(c.gasCap)
	if c.gasCap == 0 {
		gas = core.NewGasPool(math.MaxUint64)
	}
	if err := args.fill(gas.Gas(), block.BaseFee, c.chain.Config().ChainID); err != nil {
		return nil, err
	}
	message := args.message(header.BaseFee, true)
	free(&block, message)
	evm := c.evm(block, statedb, c.chain.Config(), nil, true)
	evm.SetPrecompiles(precompiles)
	result, err := core.ApplyMessage(evm, message, gas)
	// A state that could not be read shows as an account without funds, say.
	if err := statedb.Error(); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("err: %w (supplied gas %d)", err, message.GasLimit)
	}
	c.grow(2 * len(result.ReturnData))
	if errors.Is(result.Err, vm.ErrExecutionReverted) {
		return nil, reverted(result.Revert())
	}
	return result.Return(), result.Err
}

type accessListResult struct {
	AccessList *types.AccessList `json:"accessList"`
	Error      string            `json:"error,omitempty"`
	GasUsed    hexutil.Uint64    `json:"gasUsed"`
}

// createAccessList runs a transaction with the list that the run before found, until a run finds nothing new: with another list a
// transaction that looks at its gas may take another way.
func createAccessList(c *call, args TransactionArgs, at *BlockNumberOrHash, overrides *StateOverride) (*accessListResult, error) {
	c.executes()
	statedb, header, err := c.state(orLatest(at))
	if err != nil {
		return nil, err
	}
	config := c.chain.Config()
	if err := overrides.apply(statedb, nil); err != nil {
		return nil, err
	}
	if err := c.suggestFees(&args, header); err != nil {
		return nil, err
	}
	if args.Nonce == nil {
		nonce := hexutil.Uint64(statedb.GetNonce(args.from()))
		args.Nonce = &nonce
	}
	if err := args.fill(c.gasCap, header.BaseFee, config.ChainID); err != nil {
		return nil, err
	}
	excluded, err := alreadyWarm(&args, config, header)
	if err != nil {
		return nil, err
	}
	var list types.AccessList
	if args.AccessList != nil {
		list = *args.AccessList
	}
	before := logger.NewAccessListTracer(list, excluded)
	for {
		c.look()
		list := before.AccessList()
		args.AccessList = &list
		attempt := statedb.Copy()
		message := args.message(header.BaseFee, true)
		block := c.chain.BlockContext(header, attempt)
		free(&block, message)
		tracer := logger.NewAccessListTracer(list, excluded)
		result, err := core.ApplyMessage(c.evm(block, attempt, config, tracer.Hooks(), true), message, nil)
		if err != nil {
			tx, malformed := args.transaction(false)
			if malformed != nil {
				return nil, malformed
			}
			return nil, fmt.Errorf("failed to apply transaction: %v err: %v", tx.Hash(), err)
		}
		if tracer.Equal(before) {
			answer := &accessListResult{AccessList: &list, GasUsed: hexutil.Uint64(result.UsedGas)}
			if result.Err != nil {
				answer.Error = result.Err.Error()
			}
			return answer, attempt.Error()
		}
		before = tracer
	}
}

// alreadyWarm are the addresses that a list need not name: who sends, who is called, precompiles, and who signed an authorization.
func alreadyWarm(args *TransactionArgs, config *params.ChainConfig, header *types.Header) (map[common.Address]struct{}, error) {
	to := crypto.CreateAddress(args.from(), uint64(*args.Nonce))
	if args.To != nil {
		to = *args.To
	}
	warm := map[common.Address]struct{}{args.from(): {}, to: {}}
	for _, address := range vm.ActivePrecompiles(config.Rules(header.Number, header.Difficulty.Sign() == 0, header.Time)) {
		warm[address] = struct{}{}
	}
	if uint64(len(args.AuthorizationList)) > uint64(*args.Gas)/params.CallNewAccountGas {
		return nil, errors.New("insufficient gas to process all authorizations")
	}
	for _, authorization := range args.AuthorizationList {
		if (!authorization.ChainID.IsZero() && authorization.ChainID.CmpBig(config.ChainID) != 0) || authorization.Nonce == math.MaxUint64 {
			continue
		}
		if authority, err := authorization.Authority(); err == nil {
			warm[authority] = struct{}{}
		}
	}
	return warm, nil
}
