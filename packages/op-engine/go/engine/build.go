// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"context"
	"errors"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/consensus/misc"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/params"
)

// Outcome of a transaction.
type Outcome struct {
	TransactionHash common.Hash `json:"transactionHash"`
	Success         bool        `json:"success"`
	GasUsed         uint64      `json:"gasUsed,string"`
}

// Build executes the block that the attributes describe on top of parent, any block that is known, and stores it. The heads stay
// where they are. To ask for the same block again gives the same block and executes nothing.
//
// It gives UNKNOWN_BLOCK, STATE_PRUNED, ATTRIBUTES, FORK_UNSUPPORTED, TRANSACTION_INVALID with details index and reason, STORE_FAILED, STORE_CORRUPT or READ_ONLY.
func (c *Chain) Build(parentHash common.Hash, a *PayloadAttributes) (*types.Block, []Outcome, error) {
	if c.options.ReadOnly {
		return nil, nil, fail(ReadOnly, "a read-only engine builds no blocks")
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	panicked := true
	defer func() {
		c.db.discard()
		if panicked { // on its way up; nobody knows what half of a block is in memory, or which lock is held
			c.forgetStates()
		}
	}()
	block, outcomes, err := c.build(parentHash, a)
	panicked = false
	return block, outcomes, err
}

func (c *Chain) build(parentHash common.Hash, a *PayloadAttributes) (*types.Block, []Outcome, error) {
	digest := a.digest(parentHash)
	if hash, ok := c.builds.Get(digest); ok {
		if block, outcomes, err := c.built(hash); block != nil && err == nil {
			return block, outcomes, nil
		}
	}
	parent, err := c.Header(parentHash)
	if err != nil {
		return nil, nil, err
	}
	if parent == nil {
		return nil, nil, fail(UnknownBlock, "the parent %s is not known", parentHash)
	}
	block, receipts, statedb, err := c.execute(parent, a)
	if err != nil {
		return nil, nil, err
	}
	if err := c.commit(block, receipts, statedb); err != nil {
		return nil, nil, err
	}
	c.builds.Add(digest, block.Hash())
	return block, outcomesOf(block, receipts), nil
}

// built answers for a block that is there.
func (c *Chain) built(hash common.Hash) (*types.Block, []Outcome, error) {
	block, err := c.Block(hash)
	if block == nil {
		return nil, nil, err
	}
	receipts, err := c.rawReceipts(block.Header())
	if err != nil {
		return nil, nil, err
	}
	return block, outcomesOf(block, receipts), nil
}

// Outcomes of the transactions of a block; nil for one that is not known.
func (c *Chain) Outcomes(hash common.Hash) ([]Outcome, error) {
	_, outcomes, err := c.built(hash)
	return outcomes, err
}

func outcomesOf(block *types.Block, receipts types.Receipts) []Outcome {
	outcomes := make([]Outcome, len(receipts))
	before := uint64(0)
	for i, receipt := range receipts {
		outcomes[i] = Outcome{block.Transactions()[i].Hash(), receipt.Status == types.ReceiptStatusSuccessful, receipt.CumulativeGasUsed - before}
		before = receipt.CumulativeGasUsed
	}
	return outcomes
}

// execute runs the block as op-geth's miner does one whose transactions are given.
func (c *Chain) execute(parent *types.Header, a *PayloadAttributes) (*types.Block, types.Receipts, *state.StateDB, error) {
	header, err := c.header(parent, a)
	if err != nil {
		return nil, nil, nil, err
	}
	transactions, err := c.decode(a.Transactions)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := c.checkList(parent, header, transactions); err != nil {
		return nil, nil, nil, err
	}
	statedb, err := c.State(parent)
	if err != nil {
		return nil, nil, nil, err
	}
	config := c.config
	misc.EnsureCreate2Deployer(config, header.Time, statedb)
	evm := vm.NewEVM(c.BlockContext(header, statedb), statedb, config, vm.Config{})
	if header.ParentBeaconRoot != nil {
		core.ProcessBeaconBlockRoot(*header.ParentBeaconRoot, evm)
	}
	if config.IsPrague(header.Number, header.Time) {
		core.ProcessParentBlockHash(header.ParentHash, evm)
	}
	gas := core.NewGasPool(header.GasLimit)
	signer := types.MakeSigner(config, header.Number, header.Time)
	receipts := make(types.Receipts, 0, len(transactions))
	for i, tx := range transactions {
		receipt, err := c.apply(tx, i, senderOf(signer, tx, a.Senders, i), header, gas, statedb, evm)
		if fault := statedb.Error(); fault != nil {
			return nil, nil, nil, c.broken(fault)
		}
		if err != nil {
			return nil, nil, nil, misfit(i, err)
		}
		receipts = append(receipts, receipt)
	}
	header.GasUsed = gas.Used()
	if config.IsPrague(header.Number, header.Time) {
		hash, err := requestsHash(config, header, receipts, evm)
		if err != nil {
			return nil, nil, nil, err
		}
		header.RequestsHash = &hash
	}
	block, err := c.consensus.FinalizeAndAssemble(context.Background(), c, header, statedb, &types.Body{Transactions: transactions, Withdrawals: a.Withdrawals}, receipts)
	if err == nil {
		err = c.consensus.VerifyHeader(c, block.Header())
	}
	if fault := statedb.Error(); fault != nil {
		return nil, nil, nil, c.broken(fault)
	}
	if err != nil {
		return nil, nil, nil, fail(Attributes, "%v", err)
	}
	return block, receipts, statedb, nil
}

func misfit(index int, reason error) *Error {
	err := fail(TransactionInvalid, "transaction %d does not fit: %v", index, reason)
	err.Details = map[string]any{"index": index, "reason": reason.Error()}
	return err
}

func (c *Chain) decode(raw [][]byte) (types.Transactions, error) {
	transactions := make(types.Transactions, len(raw))
	for i, bytes := range raw {
		transactions[i] = new(types.Transaction)
		if err := transactions[i].UnmarshalBinary(bytes); err != nil {
			return nil, misfit(i, err)
		}
	}
	return transactions, nil
}

// checkList holds the list of transactions against the rules that op-geth's block validator has for a body, so that every block
// that is built is one that a stock node takes.
func (c *Chain) checkList(parent, header *types.Header, transactions types.Transactions) error {
	config := c.config
	if config.IsOptimism() {
		for i, tx := range transactions {
			if tx.Type() == types.BlobTxType {
				return misfit(i, errors.New("data blobs present in block body"))
			}
		}
	}
	if config.IsOsaka(header.Number, header.Time) {
		size := types.NewBlockWithHeader(header).Size()
		for i, tx := range transactions {
			if size += tx.Size(); size > params.MaxBlockSize {
				return misfit(i, core.ErrBlockOversized)
			}
		}
	}
	if !config.IsJovian(header.Time) {
		return nil
	}
	if config.IsJovian(parent.Time) {
		if len(transactions) == 0 || !transactions[0].IsDepositTx() {
			return fail(Attributes, "missing L1 attributes deposit transaction")
		}
		if _, err := types.ExtractDAFootprintGasScalar(transactions[0].Data()); err != nil {
			return fail(Attributes, "%v", err)
		}
	}
	footprint, err := types.CalcDAFootprint(transactions)
	if err != nil {
		return fail(Attributes, "error calculating DA footprint: %v", err)
	}
	if footprint > header.GasLimit {
		// Which one was too many: geth has no words for it, as it looks at the whole.
		for i := range transactions {
			if upTo, _ := types.CalcDAFootprint(transactions[:i+1]); upTo > header.GasLimit {
				return misfit(i, errors.New("DA footprint exceeds block gas limit"))
			}
		}
	}
	return nil
}

func (c *Chain) apply(tx *types.Transaction, index int, signer types.Signer, header *types.Header, gas *core.GasPool, statedb *state.StateDB, evm *vm.EVM) (*types.Receipt, error) {
	msg, err := core.TransactionToMessage(tx, signer, header.BaseFee)
	if err != nil {
		return nil, err
	}
	statedb.SetTxContext(tx.Hash(), index)
	receipt, err := core.ApplyTransactionWithEVM(msg, gas, statedb, header.Number, common.Hash{}, header.Time, tx, evm)
	if err == nil && tx.Type() == types.BlobTxType {
		*header.BlobGasUsed += receipt.BlobGasUsed
	}
	return receipt, err
}

// requestsHash of EIP-7685; an OP chain has no requests.
func requestsHash(config *params.ChainConfig, header *types.Header, receipts types.Receipts, evm *vm.EVM) (common.Hash, error) {
	requests := [][]byte{}
	if !config.IsIsthmus(header.Time) {
		var logs []*types.Log
		for _, receipt := range receipts {
			logs = append(logs, receipt.Logs...)
		}
		if err := core.ParseDepositLogs(&requests, logs, config); err != nil {
			return common.Hash{}, fail(Attributes, "%v", err)
		}
		if err := core.ProcessWithdrawalQueue(&requests, evm); err != nil {
			return common.Hash{}, fail(Attributes, "%v", err)
		}
		if err := core.ProcessConsolidationQueue(&requests, evm); err != nil {
			return common.Hash{}, fail(Attributes, "%v", err)
		}
	}
	return types.CalcRequestsHash(requests), nil
}

// commit stores a block with its receipts and its state, all or nothing.
func (c *Chain) commit(block *types.Block, receipts types.Receipts, statedb *state.StateDB) error {
	number, hash := block.NumberU64(), block.Hash()
	config := c.config
	root, err := statedb.Commit(number, config.IsEIP158(block.Number()), config.IsCancun(block.Number(), block.Time()))
	if err != nil {
		return c.broken(err)
	}
	if root != block.Root() {
		return fail(Internal, "the state of block %d has root %s, its header says %s", number, root, block.Root())
	}
	if err := c.stateDatabase().TrieDB().Commit(root, false); err != nil {
		return c.broken(err)
	}
	nodes := nodesRecord{Highest: max(c.nodes.Highest, number), Written: c.nodes.Written + c.db.pendingNodes()}
	rawdb.WriteBlock(c.db, block)
	rawdb.WriteReceipts(c.db, hash, number, receipts)
	c.db.putRecord(keyNodes, nodes)
	if err := c.db.flush(nodes.Highest); err != nil {
		return err
	}
	c.nodes = nodes
	c.headers.Add(hash, block.Header())
	c.blocks.Add(hash, block)
	return nil
}
