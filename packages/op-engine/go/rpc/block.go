// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rlp"
)

// errBlockNotFound has geth's words of debug_storageRangeAt, which print the reference as a struct of Go prints.
func errBlockNotFound(at BlockNumberOrHash) error {
	if at.BlockNumber != nil {
		return fmt.Errorf("block #%d not found", *at.BlockNumber)
	}
	return fmt.Errorf("block {<nil> %v %v} not found", at.BlockHash, at.RequireCanonical)
}

// object is a JSON object whose keys come out in ascending order.
type object map[string]any

// showHeader is a header as eth_getHeaderByHash shows it.
func showHeader(header *types.Header) object {
	shown := object{
		"number":           (*hexutil.Big)(header.Number),
		"hash":             header.Hash(),
		"parentHash":       header.ParentHash,
		"nonce":            header.Nonce,
		"mixHash":          header.MixDigest,
		"sha3Uncles":       header.UncleHash,
		"logsBloom":        header.Bloom,
		"stateRoot":        header.Root,
		"miner":            header.Coinbase,
		"difficulty":       (*hexutil.Big)(header.Difficulty),
		"extraData":        hexutil.Bytes(header.Extra),
		"gasLimit":         hexutil.Uint64(header.GasLimit),
		"gasUsed":          hexutil.Uint64(header.GasUsed),
		"timestamp":        hexutil.Uint64(header.Time),
		"transactionsRoot": header.TxHash,
		"receiptsRoot":     header.ReceiptHash,
	}
	if header.BaseFee != nil {
		shown["baseFeePerGas"] = (*hexutil.Big)(header.BaseFee)
	}
	if header.WithdrawalsHash != nil {
		shown["withdrawalsRoot"] = header.WithdrawalsHash
	}
	if header.BlobGasUsed != nil {
		shown["blobGasUsed"] = hexutil.Uint64(*header.BlobGasUsed)
	}
	if header.ExcessBlobGas != nil {
		shown["excessBlobGas"] = hexutil.Uint64(*header.ExcessBlobGas)
	}
	if header.ParentBeaconRoot != nil {
		shown["parentBeaconBlockRoot"] = header.ParentBeaconRoot
	}
	if header.RequestsHash != nil {
		shown["requestsHash"] = header.RequestsHash
	}
	if header.BlockAccessListHash != nil {
		shown["blockAccessListHash"] = header.BlockAccessListHash
	}
	if header.SlotNumber != nil {
		shown["slotNumber"] = hexutil.Uint64(*header.SlotNumber)
	}
	return shown
}

// showBlock is a block as eth_getBlockByHash shows it, with hashes of its transactions or what show makes of each.
func (c *call) showBlock(block *types.Block, show func(index int, tx *types.Transaction) any) object {
	shown := showHeader(block.Header())
	shown["size"] = hexutil.Uint64(block.Size())
	uncles := make([]common.Hash, len(block.Uncles()))
	for i, uncle := range block.Uncles() {
		uncles[i] = uncle.Hash()
	}
	shown["uncles"] = uncles
	if block.Withdrawals() != nil {
		shown["withdrawals"] = block.Withdrawals()
	}
	transactions := make([]any, len(block.Transactions()))
	for i, tx := range block.Transactions() {
		if show == nil {
			transactions[i] = tx.Hash()
		} else {
			c.grow(1024 + 2*len(tx.Data()))
			transactions[i] = show(i, tx)
		}
	}
	shown["transactions"] = transactions
	return shown
}

// whole shows a block of the chain, with or without its transactions in full.
func (c *call) whole(block *types.Block, full bool) (object, error) {
	if !full {
		return c.showBlock(block, nil), nil
	}
	receipts, err := c.depositReceipts(block)
	if err != nil {
		return nil, err
	}
	return c.showBlock(block, func(index int, tx *types.Transaction) any {
		return c.showTransaction(block, index, receipts)
	}), nil
}

func headerByNumber(c *call, number BlockNumber) (object, error) {
	header, err := c.headerByNumber(number)
	if header == nil || err != nil {
		return nil, err
	}
	return showHeader(header), nil
}

func headerByHash(c *call, hash common.Hash) (object, error) {
	header, err := c.chain.Header(hash)
	if header == nil || err != nil {
		return nil, err
	}
	return showHeader(header), nil
}

func blockByNumber(c *call, number BlockNumber, full bool) (object, error) {
	block, err := c.blockByNumber(number)
	if block == nil || err != nil {
		return nil, err
	}
	return c.whole(block, full)
}

func blockByHash(c *call, hash common.Hash, full bool) (object, error) {
	block, err := c.chain.Block(hash)
	if block == nil || err != nil {
		return nil, err
	}
	return c.whole(block, full)
}

func countTransactions(block *types.Block, err error) (*hexutil.Uint, error) {
	if block == nil || err != nil {
		return nil, err
	}
	count := hexutil.Uint(len(block.Transactions()))
	return &count, nil
}

func transactionCountByNumber(c *call, number BlockNumber) (*hexutil.Uint, error) {
	return countTransactions(c.blockByNumber(number))
}

func transactionCountByHash(c *call, hash common.Hash) (*hexutil.Uint, error) {
	return countTransactions(c.chain.Block(hash))
}

func countUncles(block *types.Block, err error) (*hexutil.Uint, error) {
	if block == nil || err != nil {
		return nil, err
	}
	count := hexutil.Uint(len(block.Uncles()))
	return &count, nil
}

func uncleCountByNumber(c *call, number BlockNumber) (*hexutil.Uint, error) {
	return countUncles(c.blockByNumber(number))
}

func uncleCountByHash(c *call, hash common.Hash) (*hexutil.Uint, error) {
	return countUncles(c.chain.Block(hash))
}

func (c *call) uncle(block *types.Block, err error, index hexutil.Uint) (object, error) {
	if block == nil || err != nil || uint64(index) >= uint64(len(block.Uncles())) {
		return nil, err
	}
	shown := c.showBlock(types.NewBlockWithHeader(block.Uncles()[index]), nil)
	delete(shown, "transactions")
	return shown, nil
}

func uncleByNumber(c *call, number BlockNumber, index hexutil.Uint) (object, error) {
	block, err := c.blockByNumber(number)
	return c.uncle(block, err, index)
}

func uncleByHash(c *call, hash common.Hash, index hexutil.Uint) (object, error) {
	block, err := c.chain.Block(hash)
	return c.uncle(block, err, index)
}

// Bytes of debug_getRaw*. A hash is taken at its word: it may be of a block outside of the chain.

func (c *call) hashOf(at BlockNumberOrHash) (common.Hash, error) {
	switch {
	case at.BlockHash != nil:
		return *at.BlockHash, nil
	case at.BlockNumber != nil:
		return c.hashByNumber(*at.BlockNumber)
	}
	return common.Hash{}, errNeitherBlockNorHash
}

// errHashNotFound has geth's words, which print a hash as a number prints.
func errHashNotFound(what string, hash common.Hash) error {
	return fmt.Errorf("%s #%d not found", what, hash)
}

func rawHeader(c *call, at BlockNumberOrHash) (hexutil.Bytes, error) {
	hash, err := c.hashOf(at)
	if err != nil || hash == (common.Hash{}) && at.BlockHash == nil {
		return nil, err
	}
	header, err := c.chain.Header(hash)
	if err != nil {
		return nil, err
	}
	if header == nil {
		return nil, errHashNotFound("header", hash)
	}
	return rlp.EncodeToBytes(header)
}

func rawBlock(c *call, at BlockNumberOrHash) (hexutil.Bytes, error) {
	hash, err := c.hashOf(at)
	if err != nil || hash == (common.Hash{}) && at.BlockHash == nil {
		return nil, err
	}
	block, err := c.chain.Block(hash)
	if err != nil {
		return nil, err
	}
	if block == nil {
		return nil, errHashNotFound("block", hash)
	}
	return rlp.EncodeToBytes(block)
}
