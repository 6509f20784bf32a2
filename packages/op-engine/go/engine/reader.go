// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"errors"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/consensus"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rlp"
)

// Reader is what reads of a chain stand on (eth_call, logs, proofs, traces). It may be asked from many goroutines while another
// builds. What is not there is nil without an error; an error is an [*Error]. Nothing that it returns may be changed, but for
// the states, which are the caller's own.
type Reader interface {
	// ChainContext serves [core.NewEVMBlockContext] and the like.
	core.ChainContext

	// Genesis is the hash of block 0.
	Genesis() common.Hash
	// Heads are looked up anew with each call.
	Heads() (Heads, error)
	// Kept gives the lowest numbers of blocks whose states, and whose transactions and receipts, can be read.
	Kept() (states, bodies uint64, err error)

	// Header of any block that was built or is in the chain.
	Header(hash common.Hash) (*types.Header, error)
	// CanonicalHash is the block of this number in the chain that ends in the head; the zero hash above it.
	CanonicalHash(number uint64) (common.Hash, error)
	// Block with its transactions; HISTORY_PRUNED where they are forgotten.
	Block(hash common.Hash) (*types.Block, error)
	// Receipts with every field that can be derived; HISTORY_PRUNED where they are forgotten.
	Receipts(hash common.Hash) (types.Receipts, error)
	// Lookup finds a transaction in the chain that ends in the head.
	Lookup(transaction common.Hash) (*Place, error)

	// State after a block; STATE_PRUNED where it is forgotten.
	State(header *types.Header) (*state.StateDB, error)
	// BlockContext for execution in (the state before) this block.
	BlockContext(header *types.Header, statedb types.StateGetter) vm.BlockContext
}

// Place is where a transaction is in the chain.
type Place struct {
	Block  common.Hash
	Number uint64
	Index  int
}

var _ Reader = (*Chain)(nil)

func (c *Chain) Config() *params.ChainConfig { return c.config }
func (c *Chain) Engine() consensus.Engine    { return c.consensus }
func (c *Chain) Genesis() common.Hash        { return c.genesis }

func (c *Chain) Heads() (heads Heads, err error) {
	found, err := c.db.record(keyHeads, &heads)
	if err == nil && !found {
		err = c.db.failed(fail(StoreCorrupt, "the store has a chain and no head"))
	}
	return heads, err
}

func (c *Chain) kept() (kept keptRecord, err error) {
	_, err = c.db.record(keyKept, &kept)
	return kept, err
}

func (c *Chain) Kept() (states, bodies uint64, err error) {
	kept, err := c.kept()
	return kept.States, kept.Bodies, err
}

func (c *Chain) Header(hash common.Hash) (*types.Header, error) {
	if header, ok := c.headers.Get(hash); ok {
		return header, nil
	}
	number, found := rawdb.ReadHeaderNumber(c.db, hash)
	if !found {
		return nil, c.faultOf(hash)
	}
	encoded, err := c.db.Get(headerKey(number, hash))
	if err != nil {
		if err == errNotFound {
			err = c.db.failed(fail(StoreCorrupt, "the header of block %s is missing in the store", hash))
		}
		return nil, err
	}
	header := new(types.Header)
	if err := rlp.DecodeBytes(encoded, header); err != nil || header.Hash() != hash {
		return nil, c.db.failed(fail(StoreCorrupt, "the header of block %s in the store is damaged", hash))
	}
	c.headers.Add(hash, header)
	return header, nil
}

// faultOf tells a block that is not there from one that could not be looked for.
func (c *Chain) faultOf(hash common.Hash) error {
	if _, err := c.db.Get(append([]byte("H"), hash[:]...)); err != nil && err != errNotFound {
		return err
	}
	return nil
}

func (c *Chain) CanonicalHash(number uint64) (common.Hash, error) {
	value, err := c.db.Get(canonicalKey(number))
	if err == errNotFound {
		return common.Hash{}, nil
	}
	return common.BytesToHash(value), err
}

func (c *Chain) Block(hash common.Hash) (*types.Block, error) {
	if block, ok := c.blocks.Get(hash); ok {
		return block, nil
	}
	header, err := c.Header(hash)
	if header == nil {
		return nil, err
	}
	encoded, err := c.db.Get(bodyKey(header.Number.Uint64(), hash))
	if err == errNotFound {
		return nil, c.missing("transactions", header)
	}
	if err != nil {
		return nil, err
	}
	body := new(types.Body)
	if err := rlp.DecodeBytes(encoded, body); err != nil {
		return nil, c.db.failed(fail(StoreCorrupt, "the transactions of block %s in the store are damaged", hash))
	}
	block := types.NewBlockWithHeader(header).WithBody(*body)
	c.blocks.Add(hash, block)
	return block, nil
}

// missing says why a block whose header is there has lost something.
func (c *Chain) missing(what string, header *types.Header) error {
	kept, err := c.kept()
	if err != nil {
		return err
	}
	if header.Number.Uint64() < kept.Bodies {
		return fail(HistoryPruned, "pruned history unavailable: the %s of block %d; they are kept from block %d on", what, header.Number, kept.Bodies)
	}
	return c.db.failed(fail(StoreCorrupt, "the %s of block %s are missing in the store", what, header.Hash()))
}

func (c *Chain) Receipts(hash common.Hash) (types.Receipts, error) {
	block, err := c.Block(hash)
	if block == nil {
		return nil, err
	}
	receipts, err := c.rawReceipts(block.Header())
	if err != nil {
		return nil, err
	}
	header := block.Header()
	baseFee, blobFee := header.BaseFee, new(big.Int)
	if baseFee == nil {
		baseFee = new(big.Int)
	}
	if header.ExcessBlobGas != nil {
		blobFee = blobBaseFee(c.config, header)
	}
	if err := receipts.DeriveFields(c.config, hash, header.Number.Uint64(), header.Time, baseFee, blobFee, block.Transactions()); err != nil {
		return nil, c.db.failed(fail(StoreCorrupt, "the receipts of block %s in the store are damaged: %v", hash, err))
	}
	return receipts, nil
}

// rawReceipts are receipts as they are stored: outcome, cumulative gas, logs.
func (c *Chain) rawReceipts(header *types.Header) (types.Receipts, error) {
	encoded, err := c.db.Get(receiptsKey(header.Number.Uint64(), header.Hash()))
	if err == errNotFound {
		return nil, c.missing("receipts", header)
	}
	if err != nil {
		return nil, err
	}
	var stored []*types.ReceiptForStorage
	if err := rlp.DecodeBytes(encoded, &stored); err != nil {
		return nil, c.db.failed(fail(StoreCorrupt, "the receipts of block %s in the store are damaged", header.Hash()))
	}
	receipts := make(types.Receipts, len(stored))
	for i, receipt := range stored {
		receipts[i] = (*types.Receipt)(receipt)
	}
	return receipts, nil
}

func (c *Chain) Lookup(transaction common.Hash) (*Place, error) {
	value, err := c.db.Get(lookupKey(transaction))
	if err == errNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	number := new(big.Int).SetBytes(value).Uint64()
	hash, err := c.CanonicalHash(number)
	if err != nil {
		return nil, err
	}
	block, err := c.Block(hash)
	if block == nil {
		return nil, err
	}
	for i, tx := range block.Transactions() {
		if tx.Hash() == transaction {
			return &Place{Block: hash, Number: number, Index: i}, nil
		}
	}
	return nil, nil // a reorg between the two reads
}

func (c *Chain) State(header *types.Header) (*state.StateDB, error) {
	kept, err := c.kept()
	if err != nil {
		return nil, err
	}
	if header.Number.Uint64() < kept.States {
		return nil, statePruned(header, kept)
	}
	statedb, err := state.New(header.Root, c.stateDatabase())
	if err != nil {
		return nil, c.StateFault(header, err)
	}
	return statedb, nil
}

// statePruned has geth's words for a state that is gone.
func statePruned(header *types.Header, kept keptRecord) *Error {
	err := fail(StatePruned, "missing trie node %x (path ) state %#x is not available, not found", header.Root, header.Root)
	err.Details = map[string]any{"number": header.Number.String(), "keptFrom": kept.States}
	return err
}

// StateFault says what an error of a state means that was read at a block: forgotten meanwhile, or damaged.
func (c *Chain) StateFault(header *types.Header, err error) error {
	if err == nil {
		return nil
	}
	kept, failed := c.kept()
	if failed == nil && header.Number.Uint64() < kept.States {
		return statePruned(header, kept)
	}
	// A branch is forgotten whole; a header of it may still be in the memory of a second instance.
	hash := header.Hash()
	if _, lost := c.db.Get(headerKey(header.Number.Uint64(), hash)); lost == errNotFound {
		c.headers.Remove(hash)
		c.blocks.Remove(hash)
		return fail(UnknownBlock, "block %s is forgotten with its branch", hash)
	}
	return c.broken(err)
}

// broken turns a fault of the state database into ours: states that are kept are whole, so that something missing is damage.
func (c *Chain) broken(err error) error {
	var fault *Error
	if errors.As(err, &fault) {
		return fault
	}
	return fail(StoreCorrupt, "the store has lost a part of a state: %v", err)
}

func (c *Chain) BlockContext(header *types.Header, statedb types.StateGetter) vm.BlockContext {
	return core.NewEVMBlockContext(header, c, nil, c.config, statedb)
}

// Of [consensus.ChainHeaderReader], for geth's own code.

func (c *Chain) CurrentHeader() *types.Header {
	heads, err := c.Heads()
	if err != nil {
		return nil
	}
	return c.GetHeaderByHash(heads.Head)
}

func (c *Chain) GetHeader(hash common.Hash, number uint64) *types.Header {
	header := c.GetHeaderByHash(hash)
	if header == nil || header.Number.Uint64() != number {
		return nil
	}
	return header
}

func (c *Chain) GetHeaderByNumber(number uint64) *types.Header {
	hash, err := c.CanonicalHash(number)
	if err != nil || hash == (common.Hash{}) {
		return nil
	}
	return c.GetHeaderByHash(hash)
}

func (c *Chain) GetHeaderByHash(hash common.Hash) *types.Header {
	header, err := c.Header(hash)
	if err != nil {
		return nil
	}
	return header
}
