// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/eth/tracers/logger"
	"github.com/ethereum/go-ethereum/rlp"

	"opengine/engine"
)

// TraceConfig is the last argument of debug_trace*. Without a tracer, each opcode is logged as the embedded fields say.
type TraceConfig struct {
	*logger.Config
	Tracer       *string
	Timeout      *string
	Reexec       *uint64 // as geth's; states that are pruned are not made again
	TracerConfig json.RawMessage
}

// TraceCallConfig is that of debug_traceCall.
type TraceCallConfig struct {
	TraceConfig
	StateOverrides *StateOverride
	BlockOverrides *BlockOverrides
	TxIndex        *hexutil.Uint
}

const (
	defaultReexec       = 128
	defaultTraceTimeout = 5 * time.Second
)

var errGenesisNotTraceable = errors.New("genesis is not traceable")

type tracedTransaction struct {
	TxHash common.Hash     `json:"txHash"`
	Result json.RawMessage `json:"result,omitempty"`
}

// traced gives an execution that is traced its time limit: what the caller asks for, within that of the request.
func (c *call) traced(config *TraceConfig) error {
	timeout := defaultTraceTimeout
	if config != nil && config.Timeout != nil {
		var err error
		if timeout, err = time.ParseDuration(*config.Timeout); err != nil {
			return err
		}
	}
	c.deadline = time.Now().Add(timeout)
	c.overtime = &Error{Code: codeDefault, Message: "execution timeout"}
	return nil
}

// stateForTrace has geth's words for tracing on a state that is gone.
func (c *call) stateForTrace(header *types.Header, config *TraceConfig) (*state.StateDB, error) {
	statedb, err := c.chain.State(header)
	var fault *engine.Error
	if errors.As(err, &fault) && fault.Code == engine.StatePruned {
		reexec := uint64(defaultReexec)
		if config != nil && config.Reexec != nil {
			reexec = *config.Reexec
		}
		return nil, fmt.Errorf("required historical state unavailable (reexec=%d)", reexec)
	}
	return statedb, err
}

// replay is a block being executed again, up to a transaction.
type replay struct {
	block   *types.Block
	context vm.BlockContext
	state   *state.StateDB
}

// replayBlock begins a block again: its parent's state, with what is done before the first transaction.
func (c *call) replayBlock(block *types.Block, config *TraceConfig) (*replay, error) {
	parent, err := c.chain.Header(block.ParentHash())
	if err != nil {
		return nil, err
	}
	if parent == nil {
		return nil, fmt.Errorf("parent %#x not found", block.ParentHash())
	}
	statedb, err := c.stateForTrace(parent, config)
	if err != nil {
		return nil, err
	}
	r := &replay{block, c.chain.BlockContext(block.Header(), statedb), statedb}
	evm := c.evm(r.context, statedb, c.chain.Config(), nil, false)
	if root := block.BeaconRoot(); root != nil {
		core.ProcessBeaconBlockRoot(*root, evm)
	}
	if c.chain.Config().IsPrague(block.Number(), block.Time()) {
		core.ProcessParentBlockHash(block.ParentHash(), evm)
	}
	return r, nil
}

func (c *call) messageOf(block *types.Block, tx *types.Transaction) (*core.Message, error) {
	return core.TransactionToMessage(tx, types.MakeSigner(c.chain.Config(), block.Number(), block.Time()), block.BaseFee())
}

// skip executes a transaction without looking at it.
func (c *call) skip(r *replay, index int) error {
	tx := r.block.Transactions()[index]
	message, err := c.messageOf(r.block, tx)
	if err != nil {
		return err
	}
	r.state.SetTxContext(tx.Hash(), index)
	if _, err := core.ApplyMessage(c.evm(r.context, r.state, c.chain.Config(), nil, false), message, nil); err != nil {
		return fmt.Errorf("transaction %#x failed: %v", tx.Hash(), err)
	}
	r.state.Finalise(c.chain.Config().IsEIP158(r.block.Number()))
	return nil
}

// stateBefore is a block being executed again, as far as before the transaction at an index.
func (c *call) stateBefore(block *types.Block, index int, config *TraceConfig) (*replay, error) {
	if block.NumberU64() == 0 {
		return nil, errors.New("no transaction in genesis")
	}
	r, err := c.replayBlock(block, config)
	if err != nil {
		return nil, err
	}
	count := len(block.Transactions())
	if index == 0 && count == 0 {
		return r, nil
	}
	for i := 0; i < count; i++ {
		if i == index {
			return r, nil
		}
		if err := c.skip(r, i); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("transaction index %d out of range for block %#x", index, block.Hash())
}

// trace executes a transaction under a tracer.
func (c *call) trace(r *replay, tx *types.Transaction, index int, message *core.Message, config *TraceConfig, precompiles vm.PrecompiledContracts) (json.RawMessage, error) {
	if config == nil {
		config = &TraceConfig{}
	}
	var txHash, blockHash common.Hash
	var place tracedPlace
	if r.block != nil {
		txHash, blockHash = tx.Hash(), r.block.Hash()
		place = tracedPlace{&blockHash, r.block.NumberU64(), &txHash, index}
	}
	tracer, err := c.tracer(place, config)
	if err != nil {
		return nil, err
	}
	evm := c.evm(r.context, state.NewHookedState(r.state, tracer.hooks), c.chain.Config(), tracer.hooks, true)
	if precompiles != nil {
		evm.SetPrecompiles(precompiles)
	}
	r.state.SetTxContext(txHash, index)
	_, err = core.ApplyTransactionWithEVM(message, core.NewGasPool(message.GasLimit), r.state, r.context.BlockNumber, blockHash, r.context.Time, tx, evm)
	if err != nil {
		return nil, fmt.Errorf("tracing failed: %w", err)
	}
	if err := r.state.Error(); err != nil {
		return nil, err
	}
	return tracer.result()
}

func (c *call) traceBlock(block *types.Block, config *TraceConfig) ([]tracedTransaction, error) {
	if err := c.traced(config); err != nil {
		return nil, err
	}
	if block.NumberU64() == 0 {
		return nil, errGenesisNotTraceable
	}
	r, err := c.replayBlock(block, config)
	if err != nil {
		return nil, err
	}
	traced := make([]tracedTransaction, len(block.Transactions()))
	for i, tx := range block.Transactions() {
		message, err := c.messageOf(block, tx)
		if err != nil {
			return nil, err
		}
		result, err := c.trace(r, tx, i, message, config, nil)
		if err != nil {
			return nil, err
		}
		traced[i] = tracedTransaction{tx.Hash(), result}
	}
	return traced, nil
}

func traceTransaction(c *call, hash common.Hash, config *TraceConfig) (json.RawMessage, error) {
	if err := c.traced(config); err != nil {
		return nil, err
	}
	block, index, err := c.find(hash)
	if err != nil {
		return nil, err
	}
	if block == nil {
		return nil, errors.New("transaction not found")
	}
	r, err := c.stateBefore(block, index, config)
	if err != nil {
		return nil, err
	}
	tx := block.Transactions()[index]
	message, err := c.messageOf(block, tx)
	if err != nil {
		return nil, err
	}
	return c.trace(r, tx, index, message, config, nil)
}

func (c *call) blockToTrace(at BlockNumberOrHash) (*types.Block, error) {
	var block *types.Block
	var err error
	if hash := at.BlockHash; hash != nil {
		if block, err = c.chain.Block(*hash); err == nil && block == nil {
			err = fmt.Errorf("block %s not found", hash.Hex())
		}
	} else if number := at.BlockNumber; number != nil {
		if block, err = c.blockByNumber(*number); err == nil && block == nil {
			err = fmt.Errorf("block #%d not found", *number)
		}
	} else {
		err = errNeitherBlockNorHash
	}
	return block, err
}

func traceBlockByNumber(c *call, number BlockNumber, config *TraceConfig) ([]tracedTransaction, error) {
	block, err := c.blockToTrace(byNumber(number))
	if err != nil {
		return nil, err
	}
	return c.traceBlock(block, config)
}

func traceBlockByHash(c *call, hash common.Hash, config *TraceConfig) ([]tracedTransaction, error) {
	block, err := c.blockToTrace(byHash(hash))
	if err != nil {
		return nil, err
	}
	return c.traceBlock(block, config)
}

// traceRawBlock traces a block that need not be of the chain, on a parent that is known.
func traceRawBlock(c *call, raw hexutil.Bytes, config *TraceConfig) ([]tracedTransaction, error) {
	block := new(types.Block)
	if err := rlp.DecodeBytes(raw, block); err != nil {
		return nil, fmt.Errorf("could not decode block: %v", err)
	}
	return c.traceBlock(block, config)
}

func traceCall(c *call, args TransactionArgs, at BlockNumberOrHash, config *TraceCallConfig) (json.RawMessage, error) {
	if config == nil {
		config = &TraceCallConfig{}
	}
	if err := c.traced(&config.TraceConfig); err != nil {
		return nil, err
	}
	if at.BlockNumber != nil && *at.BlockNumber == pending {
		return nil, errors.New("tracing on top of pending is not supported")
	}
	block, err := c.blockToTrace(at)
	if err != nil {
		return nil, err
	}
	r := new(replay)
	header := block.Header()
	if config.TxIndex != nil {
		r, err = c.stateBefore(block, int(*config.TxIndex), &config.TraceConfig)
	} else {
		r.state, err = c.stateForTrace(header, &config.TraceConfig)
	}
	if err != nil {
		return nil, err
	}
	overrides := config.BlockOverrides
	if overrides != nil && overrides.Number != nil && overrides.Number.ToInt().Uint64() == header.Number.Uint64()+1 {
		// The block that a caller most often supposes is the next one: there BLOCKHASH knows this one.
		header.ParentHash = header.Hash()
		header.Number.Add(header.Number, common.Big1)
	}
	r.context, r.block = c.chain.BlockContext(header, r.state), nil
	if err := overrides.apply(&r.context); err != nil {
		return nil, err
	}
	precompiles := vm.ActivePrecompiledContracts(c.chain.Config().Rules(r.context.BlockNumber, r.context.Random != nil, r.context.Time))
	if err := config.StateOverrides.apply(r.state, precompiles); err != nil {
		return nil, err
	}
	if err := args.fill(c.gasCap, r.context.BaseFee, c.chain.Config().ChainID); err != nil {
		return nil, err
	}
	message := args.message(r.context.BaseFee, true)
	tx, err := args.transaction(true)
	if err != nil {
		return nil, err
	}
	free(&r.context, message)
	return c.trace(r, tx, 0, message, &config.TraceConfig, precompiles)
}

// intermediateRoots are the state roots after each transaction of a block.
func intermediateRoots(c *call, hash common.Hash, config *TraceConfig) ([]common.Hash, error) {
	c.overtime = &Error{Code: codeDefault, Message: "execution timeout"}
	block, err := c.chain.Block(hash)
	if err != nil {
		return nil, err
	}
	if block == nil {
		return nil, fmt.Errorf("block %#x not found", hash)
	}
	if block.NumberU64() == 0 {
		return nil, errGenesisNotTraceable
	}
	r, err := c.replayBlock(block, config)
	if err != nil {
		return nil, err
	}
	roots := make([]common.Hash, len(block.Transactions()))
	for i := range roots {
		if err := c.skip(r, i); err != nil {
			return nil, err
		}
		roots[i] = r.state.IntermediateRoot(c.chain.Config().IsEIP158(block.Number()))
	}
	return roots, nil
}
