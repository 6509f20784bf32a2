// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/consensus"
	"github.com/ethereum/go-ethereum/consensus/misc/eip1559"
	"github.com/ethereum/go-ethereum/consensus/misc/eip4844"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/trie"
)

// Bounds of eth_simulateV1, and the time between blocks where a caller names none.
const (
	maxSimulatedBlocks       = 256
	maxSimulatedCallsInBlock = 5_000
	maxSimulatedCalls        = 10_000
	simulatedSeconds         = 12
)

// simOpts is the first argument of eth_simulateV1.
type simOpts struct {
	BlockStateCalls        []simBlock
	TraceTransfers         bool
	Validation             bool
	ReturnFullTransactions bool
}

type simBlock struct {
	BlockOverrides *BlockOverrides
	StateOverrides *StateOverride
	Calls          []TransactionArgs
}

// simulatedCall is the outcome of one call.
type simulatedCall struct {
	ReturnValue hexutil.Bytes  `json:"returnData"`
	Logs        []*types.Log   `json:"logs"`
	GasUsed     hexutil.Uint64 `json:"gasUsed"`
	MaxUsedGas  hexutil.Uint64 `json:"maxUsedGas"`
	Status      hexutil.Uint64 `json:"status"`
	Error       *Error         `json:"error,omitempty"`
}

// simulateV1 runs blocks of calls on top of a block, none of which is kept.
func simulateV1(c *call, options simOpts, at *BlockNumberOrHash) ([]object, error) {
	c.executes()
	if len(options.BlockStateCalls) == 0 {
		return nil, invalidParams("empty input")
	}
	if len(options.BlockStateCalls) > maxSimulatedBlocks {
		return nil, clientLimit("too many blocks")
	}
	total := 0
	for _, block := range options.BlockStateCalls {
		if len(block.Calls) > maxSimulatedCallsInBlock {
			return nil, clientLimit("too many calls in block: %d > %d", len(block.Calls), maxSimulatedCallsInBlock)
		}
		if total += len(block.Calls); total > maxSimulatedCalls {
			return nil, clientLimit("too many calls: %d > %d", total, maxSimulatedCalls)
		}
	}
	statedb, base, err := c.state(orLatest(at))
	if err != nil {
		return nil, err
	}
	s := &simulation{call: c, simOpts: options, config: c.chain.Config(), state: statedb, base: base, gasLeft: c.gasCap}
	if s.gasLeft == 0 {
		s.gasLeft = math.MaxUint64
	}
	if s.config.IsOptimism() {
		// The DA footprint of a Jovian block is computed with the parameters in its first transaction.
		block, err := c.chain.Block(base.Hash())
		if err != nil {
			return nil, err
		}
		if len(block.Transactions()) > 0 {
			s.attributes = block.Transactions()[0]
		}
	}
	return s.run()
}

type simulation struct {
	*call
	simOpts
	config     *params.ChainConfig
	state      *state.StateDB
	base       *types.Header
	gasLeft    uint64 // of all calls together
	attributes *types.Transaction
	headers    []*types.Header // of the blocks that have been run
}

func (s *simulation) run() ([]object, error) {
	blocks, err := s.inOrder()
	if err != nil {
		return nil, err
	}
	headers := s.foresee(blocks)
	answer := make([]object, len(blocks))
	for i, block := range blocks {
		s.look()
		if answer[i], err = s.runBlock(block, headers[i]); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

// inOrder gives each block a number and a time, and fills gaps with empty blocks. The overrides become the simulation's own.
func (s *simulation) inOrder() ([]simBlock, error) {
	var blocks []simBlock
	number, time := s.base.Number, s.base.Time
	for _, block := range s.BlockStateCalls {
		var overrides BlockOverrides
		if block.BlockOverrides != nil {
			overrides = *block.BlockOverrides
		}
		block.BlockOverrides = &overrides
		if overrides.Withdrawals == nil {
			overrides.Withdrawals = &types.Withdrawals{}
		}
		next := new(big.Int).Add(number, common.Big1)
		if overrides.Number == nil {
			overrides.Number = (*hexutil.Big)(next)
		}
		wanted := overrides.Number.ToInt()
		if wanted.Cmp(number) <= 0 {
			return nil, &Error{Code: codeBlockNumberInvalid, Message: fmt.Sprintf("block numbers must be in order: %d <= %d", wanted.Uint64(), number)}
		}
		if new(big.Int).Sub(wanted, s.base.Number).Cmp(big.NewInt(maxSimulatedBlocks)) > 0 {
			return nil, clientLimit("too many blocks")
		}
		for ; next.Cmp(wanted) < 0; next = new(big.Int).Add(next, common.Big1) {
			time += simulatedSeconds
			blocks = append(blocks, simBlock{BlockOverrides: &BlockOverrides{
				Number: (*hexutil.Big)(next), Time: (*hexutil.Uint64)(copied(time)), Withdrawals: &types.Withdrawals{},
			}})
		}
		number = wanted
		if overrides.Time == nil {
			overrides.Time = (*hexutil.Uint64)(copied(time + simulatedSeconds))
		} else if uint64(*overrides.Time) <= time {
			return nil, &Error{Code: codeBlockTimestampInvalid, Message: fmt.Sprintf("block timestamps must be in order: %d <= %d", *overrides.Time, time)}
		}
		time = uint64(*overrides.Time)
		blocks = append(blocks, block)
	}
	return blocks, nil
}

func copied[T any](value T) *T { return &value }

// foresee makes headers of what is known before execution.
func (s *simulation) foresee(blocks []simBlock) []*types.Header {
	headers := make([]*types.Header, len(blocks))
	parent := s.base
	for i, block := range blocks {
		overrides := block.BlockOverrides
		number, time := overrides.Number.ToInt(), uint64(*overrides.Time)
		header := &types.Header{
			UncleHash:   types.EmptyUncleHash,
			ReceiptHash: types.EmptyReceiptsHash,
			TxHash:      types.EmptyTxsHash,
			Coinbase:    parent.Coinbase,
			Difficulty:  parent.Difficulty,
			GasLimit:    parent.GasLimit,
		}
		if s.config.IsPostMerge(number.Uint64(), time) {
			header.Difficulty = new(big.Int)
		}
		if s.config.IsShanghai(number, time) {
			header.WithdrawalsHash = &types.EmptyWithdrawalsHash
		}
		if s.config.IsCancun(number, time) {
			header.ParentBeaconRoot = new(common.Hash)
			if overrides.BeaconRoot != nil {
				header.ParentBeaconRoot = overrides.BeaconRoot
			}
		}
		headers[i] = overrides.header(header)
		parent = headers[i]
	}
	return headers
}

// price sets the fees of a block, which hang on its parent.
func (s *simulation) price(header *types.Header) {
	parent := s.parent()
	header.ParentHash = parent.Hash()
	if s.config.IsLondon(header.Number) && header.BaseFee == nil {
		header.BaseFee = new(big.Int) // so that a call may pay nothing
		if s.Validation {
			header.BaseFee = eip1559.CalcBaseFee(s.config, s.withParameters(parent), header.Time)
		}
	}
	if s.config.IsCancun(header.Number, header.Time) {
		header.ExcessBlobGas = new(uint64)
		if s.config.IsCancun(parent.Number, parent.Time) {
			*header.ExcessBlobGas = eip4844.CalcExcessBlobGas(s.config, parent, header.Time)
		}
	}
}

// withParameters gives a simulated block the extra data that its base fee is computed from: the parameters of the block that the simulation stands on.
// Simulated blocks carry none, and op-geth's own handler crashes over that.
func (s *simulation) withParameters(parent *types.Header) *types.Header {
	if len(s.headers) == 0 || !s.config.IsOptimismHolocene(parent.Time) {
		return parent
	}
	denominator, elasticity, minBaseFee := s.config.BaseFeeChangeDenominator(parent.Time), s.config.ElasticityMultiplier(), new(uint64)
	if s.config.IsOptimismHolocene(s.base.Time) {
		var minimum *uint64
		if denominator, elasticity, minimum = eip1559.DecodeOptimismExtraData(s.config, s.base.Time, s.base.Extra); minimum != nil {
			minBaseFee = minimum
		}
	}
	parent = types.CopyHeader(parent)
	parent.Extra = eip1559.EncodeOptimismExtraData(s.config, parent.Time, denominator, elasticity, minBaseFee)
	return parent
}

func (s *simulation) parent() *types.Header {
	if len(s.headers) > 0 {
		return s.headers[len(s.headers)-1]
	}
	return s.base
}

// simulatedBlock is a block under way.
type simulatedBlock struct {
	*simulation
	header       *types.Header
	evm          *vm.EVM
	recorder     *transferRecorder
	gas          *core.GasPool
	calls        []simulatedCall
	transactions []*types.Transaction
	senders      []common.Address
	receipts     []*types.Receipt
	logs         []*types.Log // of the calls that succeeded
	blobGas      uint64
}

func (s *simulation) runBlock(block simBlock, header *types.Header) (object, error) {
	s.price(header)
	context := core.NewEVMBlockContext(header, simulatedChain{s}, nil, s.config, s.state)
	if fee := block.BlockOverrides.BlobBaseFee; fee != nil {
		context.BlobBaseFee = fee.ToInt()
	}
	precompiles := vm.ActivePrecompiledContracts(s.config.Rules(header.Number, header.Difficulty.Sign() == 0, header.Time))
	if err := block.StateOverrides.apply(s.state, precompiles); err != nil {
		return nil, err
	}
	b := &simulatedBlock{simulation: s, header: header, gas: core.NewGasPool(context.GasLimit)}
	b.recorder = &transferRecorder{transfers: s.TraceTransfers, number: header.Number.Uint64(), time: header.Time, grow: s.grow}
	hooks := b.recorder.hooks()
	b.evm = s.evm(context, state.NewHookedState(s.state, hooks), s.config, hooks, !s.Validation)
	b.evm.SetPrecompiles(precompiles)
	prague := s.config.IsPrague(header.Number, header.Time) || s.config.IsVerkle(header.Number, header.Time)
	if prague {
		core.ProcessParentBlockHash(header.ParentHash, b.evm)
	}
	if header.ParentBeaconRoot != nil {
		core.ProcessBeaconBlockRoot(*header.ParentBeaconRoot, b.evm)
	}
	for i := range block.Calls {
		s.look()
		if err := b.runCall(i, &block.Calls[i]); err != nil {
			return nil, err
		}
	}
	header.GasUsed = b.gas.Used()
	if s.config.IsCancun(header.Number, header.Time) {
		header.BlobGasUsed = &b.blobGas
	}
	if s.config.IsPrague(header.Number, header.Time) {
		hash, err := b.requests()
		if err != nil {
			return nil, err
		}
		header.RequestsHash = hash
	}
	if err := s.state.Error(); err != nil {
		return nil, err
	}
	return b.seal(*block.BlockOverrides.Withdrawals)
}

func (b *simulatedBlock) runCall(index int, args *TransactionArgs) error {
	capped, err := b.allot(args)
	if err != nil {
		return err
	}
	tx, err := args.transaction(true)
	if err != nil {
		return &Error{Code: codeInvalidParams, Message: err.Error()}
	}
	b.recorder.begin(tx.Hash(), uint(index))
	b.state.SetTxContext(tx.Hash(), index)
	result, err := core.ApplyMessage(b.evm, args.message(b.header.BaseFee, !b.Validation), b.gas)
	if err != nil {
		return invalidTransaction(fmt.Errorf("err: %w (supplied gas %d)", err, uint64(*args.Gas)))
	}
	var root []byte
	if b.config.IsByzantium(b.header.Number) {
		b.evm.StateDB.Finalise(true)
	} else {
		root = b.state.IntermediateRoot(b.config.IsEIP158(b.header.Number)).Bytes()
	}
	receipt := core.MakeReceipt(b.evm, result, b.state, b.header.Number, common.Hash{}, b.header.Time, tx, b.gas.CumulativeUsed(), root, b.config, tx.Nonce())
	b.transactions, b.senders, b.receipts = append(b.transactions, tx), append(b.senders, args.from()), append(b.receipts, receipt)
	b.blobGas += receipt.BlobGasUsed
	if result.UsedGas > b.gasLeft {
		return fmt.Errorf("RPC gas cap exhausted: need %d, remaining %d", result.UsedGas, b.gasLeft)
	}
	b.gasLeft -= result.UsedGas
	b.grow(512 + 2*len(result.ReturnData))
	b.calls = append(b.calls, b.outcome(result, capped))
	return nil
}

// allot gives a call its nonce and its gas: what is left of the block, and no more than is left of the request.
func (b *simulatedBlock) allot(args *TransactionArgs) (capped bool, err error) {
	if args.Nonce == nil {
		args.Nonce = (*hexutil.Uint64)(copied(b.state.GetNonce(args.from())))
	}
	left := b.gas.Gas()
	if args.Gas == nil {
		args.Gas = (*hexutil.Uint64)(&left)
	}
	wanted := uint64(*args.Gas)
	if left < wanted {
		return false, &Error{Code: codeBlockGasLimit, Message: fmt.Sprintf("block gas limit reached: remaining: %d, required: %d", left, wanted)}
	}
	allowed := min(wanted, b.gasLeft)
	args.Gas = (*hexutil.Uint64)(&allowed)
	return allowed < wanted, args.fill(0, b.header.BaseFee, b.config.ChainID)
}

func (b *simulatedBlock) outcome(result *core.ExecutionResult, capped bool) simulatedCall {
	outcome := simulatedCall{
		ReturnValue: result.Return(),
		Logs:        b.recorder.logs(),
		GasUsed:     hexutil.Uint64(result.UsedGas),
		MaxUsedGas:  hexutil.Uint64(result.MaxUsedGas),
	}
	switch {
	case !result.Failed():
		outcome.Status = hexutil.Uint64(types.ReceiptStatusSuccessful)
		b.logs = append(b.logs, outcome.Logs...)
	case errors.Is(result.Err, vm.ErrExecutionReverted):
		outcome.Error = reverted(result.Revert())
	default:
		message := result.Err.Error()
		if capped {
			message += " (gas limit was capped by the RPC server's global gas cap)"
		}
		outcome.Error = &Error{Code: codeVM, Message: message}
	}
	return outcome
}

// requests are those of EIP-7685. Op-geth asks for them on chains of the OP Stack too, where nobody answers.
func (b *simulatedBlock) requests() (*common.Hash, error) {
	requests := [][]byte{}
	if err := core.ParseDepositLogs(&requests, b.logs, b.config); err != nil {
		return nil, err
	}
	if err := core.ProcessWithdrawalQueue(&requests, b.evm); err != nil {
		return nil, err
	}
	if err := core.ProcessConsolidationQueue(&requests, b.evm); err != nil {
		return nil, err
	}
	hash := types.CalcRequestsHash(requests)
	return &hash, nil
}

// seal finishes the block and shows it.
func (b *simulatedBlock) seal(withdrawals types.Withdrawals) (object, error) {
	transactions := b.transactions
	if b.attributes != nil {
		transactions = append([]*types.Transaction{b.attributes}, transactions...)
	}
	body := &types.Body{Transactions: transactions, Withdrawals: withdrawals}
	block, err := b.chain.Engine().FinalizeAndAssemble(context.Background(), simulatedChain{b.simulation}, b.header, b.state, body, b.receipts)
	if err != nil {
		return nil, err
	}
	if b.attributes != nil { // and it is out again, so that calls and transactions have the same places
		body.Transactions = b.transactions
		block = types.NewBlock(block.Header(), body, b.receipts, trie.NewStackTrie(nil), b.config)
	}
	b.headers = append(b.headers, block.Header())
	var show func(int, *types.Transaction) any
	if b.ReturnFullTransactions {
		show = func(index int, _ *types.Transaction) any {
			shown := b.showTransaction(block, index, b.receipts)
			shown.From = b.senders[index] // nobody signed it
			return shown
		}
	}
	shown := b.showBlock(block, show)
	for i := range b.calls {
		for _, log := range b.calls[i].Logs {
			log.BlockHash = block.Hash()
		}
	}
	if b.calls == nil {
		b.calls = []simulatedCall{}
	}
	// Rendered now: it is smaller than what it was made of.
	calls, err := json.Marshal(b.calls)
	shown["calls"] = json.RawMessage(calls)
	return shown, err
}

// simulatedChain is the chain with the simulated blocks on top.
type simulatedChain struct{ *simulation }

var _ consensus.ChainHeaderReader = simulatedChain{}

func (s simulatedChain) Config() *params.ChainConfig  { return s.config }
func (s simulatedChain) Engine() consensus.Engine     { return s.chain.Engine() }
func (s simulatedChain) CurrentHeader() *types.Header { return s.parent() }
func (s simulatedChain) GetHeader(hash common.Hash, number uint64) *types.Header {
	header := s.GetHeaderByHash(hash)
	if header == nil || header.Number.Uint64() != number {
		return nil
	}
	return header
}

func (s simulatedChain) GetHeaderByNumber(number uint64) *types.Header {
	for _, header := range s.headers {
		if header.Number.Uint64() == number {
			return header
		}
	}
	if number == s.base.Number.Uint64() {
		return s.base
	}
	if number > s.base.Number.Uint64() {
		return nil
	}
	return s.chain.GetHeaderByNumber(number)
}

func (s simulatedChain) GetHeaderByHash(hash common.Hash) *types.Header {
	for _, header := range s.headers {
		if header.Hash() == hash {
			return header
		}
	}
	return s.chain.GetHeaderByHash(hash)
}
