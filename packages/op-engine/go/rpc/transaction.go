// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
)

// shownTransaction is a transaction as eth_getTransactionByHash shows it.
type shownTransaction struct {
	BlockHash           *common.Hash                 `json:"blockHash"`
	BlockNumber         *hexutil.Big                 `json:"blockNumber"`
	BlockTimestamp      *hexutil.Uint64              `json:"blockTimestamp"`
	From                common.Address               `json:"from"`
	Gas                 hexutil.Uint64               `json:"gas"`
	GasPrice            *hexutil.Big                 `json:"gasPrice"`
	GasFeeCap           *hexutil.Big                 `json:"maxFeePerGas,omitempty"`
	GasTipCap           *hexutil.Big                 `json:"maxPriorityFeePerGas,omitempty"`
	BlobFeeCap          *hexutil.Big                 `json:"maxFeePerBlobGas,omitempty"`
	Hash                common.Hash                  `json:"hash"`
	Input               hexutil.Bytes                `json:"input"`
	Nonce               hexutil.Uint64               `json:"nonce"`
	To                  *common.Address              `json:"to"`
	Index               *hexutil.Uint64              `json:"transactionIndex"`
	Value               *hexutil.Big                 `json:"value"`
	Type                hexutil.Uint64               `json:"type"`
	AccessList          *types.AccessList            `json:"accessList,omitempty"`
	ChainID             *hexutil.Big                 `json:"chainId,omitempty"`
	BlobVersionedHashes []common.Hash                `json:"blobVersionedHashes,omitempty"`
	AuthorizationList   []types.SetCodeAuthorization `json:"authorizationList,omitempty"`
	V                   *hexutil.Big                 `json:"v"`
	R                   *hexutil.Big                 `json:"r"`
	S                   *hexutil.Big                 `json:"s"`
	YParity             *hexutil.Uint64              `json:"yParity,omitempty"`

	// Of deposits.
	SourceHash            *common.Hash    `json:"sourceHash,omitempty"`
	Mint                  *hexutil.Big    `json:"mint,omitempty"`
	IsSystemTx            *bool           `json:"isSystemTx,omitempty"`
	DepositReceiptVersion *hexutil.Uint64 `json:"depositReceiptVersion,omitempty"` // since Canyon
}

// showTransaction shows one of a block. Receipts are asked for the nonce of a deposit, which its bytes do not hold.
func (c *call) showTransaction(block *types.Block, index int, receipts types.Receipts) *shownTransaction {
	config, tx := c.chain.Config(), block.Transactions()[index]
	shown := show(tx, types.MakeSigner(config, block.Number(), block.Time()), config)
	hash, time, place := block.Hash(), hexutil.Uint64(block.Time()), hexutil.Uint64(index)
	shown.BlockHash, shown.BlockNumber, shown.BlockTimestamp, shown.Index = &hash, (*hexutil.Big)(block.Number()), &time, &place
	if baseFee := block.BaseFee(); baseFee != nil && tx.Type() >= types.DynamicFeeTxType && !tx.IsDepositTx() {
		shown.GasPrice = (*hexutil.Big)(effectiveGasPrice(tx, baseFee))
	}
	if tx.IsDepositTx() && index < len(receipts) && receipts[index].DepositNonce != nil {
		shown.Nonce = hexutil.Uint64(*receipts[index].DepositNonce)
		shown.DepositReceiptVersion = (*hexutil.Uint64)(receipts[index].DepositReceiptVersion)
	}
	return shown
}

// show shows a transaction outside of any block.
func show(tx *types.Transaction, signer types.Signer, config *params.ChainConfig) *shownTransaction {
	from, _ := types.Sender(signer, tx)
	v, r, s := tx.RawSignatureValues()
	shown := &shownTransaction{
		Type:     hexutil.Uint64(tx.Type()),
		From:     from,
		Gas:      hexutil.Uint64(tx.Gas()),
		GasPrice: (*hexutil.Big)(tx.GasPrice()),
		Hash:     tx.Hash(),
		Input:    tx.Data(),
		Nonce:    hexutil.Uint64(tx.Nonce()),
		To:       tx.To(),
		Value:    (*hexutil.Big)(tx.Value()),
		V:        (*hexutil.Big)(v),
		R:        (*hexutil.Big)(r),
		S:        (*hexutil.Big)(s),
	}
	switch tx.Type() {
	case types.DepositTxType:
		source := tx.SourceHash()
		shown.SourceHash, shown.Mint = &source, (*hexutil.Big)(tx.Mint())
		if tx.IsSystemTx() {
			system := true
			shown.IsSystemTx = &system
		}
		return shown
	case types.LegacyTxType:
		if v.Sign() == 0 && r.Sign() == 0 && s.Sign() == 0 {
			shown.ChainID = (*hexutil.Big)(new(big.Int).Set(config.ChainID))
		} else if id := tx.ChainId(); id.Sign() != 0 {
			shown.ChainID = (*hexutil.Big)(id)
		}
		return shown
	}
	// From EIP-2930 on.
	list, parity := tx.AccessList(), hexutil.Uint64(v.Sign())
	shown.AccessList, shown.ChainID, shown.YParity = &list, (*hexutil.Big)(tx.ChainId()), &parity
	if tx.Type() != types.AccessListTxType {
		shown.GasFeeCap, shown.GasTipCap = (*hexutil.Big)(tx.GasFeeCap()), (*hexutil.Big)(tx.GasTipCap())
		shown.GasPrice = (*hexutil.Big)(tx.GasFeeCap())
	}
	switch tx.Type() {
	case types.BlobTxType:
		shown.BlobFeeCap, shown.BlobVersionedHashes = (*hexutil.Big)(tx.BlobGasFeeCap()), tx.BlobHashes()
	case types.SetCodeTxType:
		shown.AuthorizationList = tx.SetCodeAuthorizations()
	}
	return shown
}

func effectiveGasPrice(tx *types.Transaction, baseFee *big.Int) *big.Int {
	price := new(big.Int).Add(tx.GasTipCap(), baseFee)
	if tx.GasFeeCapIntCmp(price) < 0 {
		return tx.GasFeeCap()
	}
	return price
}

// depositReceipts are the receipts of a block where one of its transactions needs them to be shown.
func (c *call) depositReceipts(block *types.Block) (types.Receipts, error) {
	for _, tx := range block.Transactions() {
		if tx.IsDepositTx() {
			return c.chain.Receipts(block.Hash())
		}
	}
	return nil, nil
}

func (c *call) transactionAt(block *types.Block, err error, index uint64) (*shownTransaction, error) {
	if block == nil || err != nil || index >= uint64(len(block.Transactions())) {
		return nil, err
	}
	var receipts types.Receipts
	if block.Transactions()[index].IsDepositTx() {
		if receipts, err = c.chain.Receipts(block.Hash()); err != nil {
			return nil, err
		}
	}
	return c.showTransaction(block, int(index), receipts), nil
}

// find gives nil for a transaction that is not in the chain.
func (c *call) find(hash common.Hash) (*types.Block, int, error) {
	place, err := c.chain.Lookup(hash)
	if place == nil || err != nil {
		return nil, 0, err
	}
	block, err := c.chain.Block(place.Block)
	return block, place.Index, err
}

func transactionByHash(c *call, hash common.Hash) (*shownTransaction, error) {
	block, index, err := c.find(hash)
	return c.transactionAt(block, err, uint64(index))
}

func transactionByNumberAndIndex(c *call, number BlockNumber, index hexutil.Uint) (*shownTransaction, error) {
	block, err := c.blockByNumber(number)
	return c.transactionAt(block, err, uint64(index))
}

func transactionByHashAndIndex(c *call, hash common.Hash, index hexutil.Uint) (*shownTransaction, error) {
	block, err := c.chain.Block(hash)
	return c.transactionAt(block, err, uint64(index))
}

func rawTransactionAt(block *types.Block, err error, index uint64) (hexutil.Bytes, error) {
	if block == nil || err != nil || index >= uint64(len(block.Transactions())) {
		return nil, err
	}
	return block.Transactions()[index].MarshalBinary()
}

func rawTransactionByHash(c *call, hash common.Hash) (hexutil.Bytes, error) {
	block, index, err := c.find(hash)
	return rawTransactionAt(block, err, uint64(index))
}

func rawTransactionByNumberAndIndex(c *call, number BlockNumber, index hexutil.Uint) (hexutil.Bytes, error) {
	block, err := c.blockByNumber(number)
	return rawTransactionAt(block, err, uint64(index))
}

func rawTransactionByHashAndIndex(c *call, hash common.Hash, index hexutil.Uint) (hexutil.Bytes, error) {
	block, err := c.chain.Block(hash)
	return rawTransactionAt(block, err, uint64(index))
}
