// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
)

// showReceipt is a receipt as eth_getTransactionReceipt shows it, with what the OP Stack adds.
func (c *call) showReceipt(block *types.Block, index int, receipt *types.Receipt, signer types.Signer) object {
	tx := block.Transactions()[index]
	from, _ := types.Sender(signer, tx)
	c.grow(2048)
	shown := object{
		"blockHash":         block.Hash(),
		"blockNumber":       hexutil.Uint64(block.NumberU64()),
		"transactionHash":   tx.Hash(),
		"transactionIndex":  hexutil.Uint64(index),
		"from":              from,
		"to":                tx.To(),
		"gasUsed":           hexutil.Uint64(receipt.GasUsed),
		"cumulativeGasUsed": hexutil.Uint64(receipt.CumulativeGasUsed),
		"contractAddress":   nil,
		"logs":              c.counted(receipt.Logs),
		"logsBloom":         receipt.Bloom,
		"type":              hexutil.Uint(tx.Type()),
		"effectiveGasPrice": (*hexutil.Big)(receipt.EffectiveGasPrice),
	}
	if receipt.ContractAddress != (common.Address{}) {
		shown["contractAddress"] = receipt.ContractAddress
	}
	if len(receipt.PostState) > 0 { // before Byzantium
		shown["root"] = hexutil.Bytes(receipt.PostState)
	} else {
		shown["status"] = hexutil.Uint(receipt.Status)
	}
	if tx.Type() == types.BlobTxType {
		shown["blobGasUsed"] = hexutil.Uint64(receipt.BlobGasUsed)
		shown["blobGasPrice"] = (*hexutil.Big)(receipt.BlobGasPrice)
	}
	if c.chain.Config().IsOptimism() {
		if tx.IsDepositTx() {
			showDeposit(shown, receipt)
		} else {
			showFees(shown, receipt)
		}
	}
	return shown
}

func showDeposit(shown object, receipt *types.Receipt) {
	if receipt.DepositNonce == nil {
		return
	}
	shown["depositNonce"] = hexutil.Uint64(*receipt.DepositNonce)
	if receipt.DepositReceiptVersion != nil {
		shown["depositReceiptVersion"] = hexutil.Uint64(*receipt.DepositReceiptVersion)
	}
}

// showFees shows what a transaction paid for L1 and to the operator, with the parameters of its fork.
func showFees(shown object, receipt *types.Receipt) {
	shown["l1GasPrice"] = (*hexutil.Big)(receipt.L1GasPrice)
	shown["l1GasUsed"] = (*hexutil.Big)(receipt.L1GasUsed)
	shown["l1Fee"] = (*hexutil.Big)(receipt.L1Fee)
	if receipt.FeeScalar != nil { // until Ecotone
		shown["l1FeeScalar"] = receipt.FeeScalar.String()
	}
	if receipt.L1BlobBaseFee != nil { // since Ecotone
		shown["l1BlobBaseFee"] = (*hexutil.Big)(receipt.L1BlobBaseFee)
	}
	for name, value := range map[string]*uint64{
		"l1BaseFeeScalar":      receipt.L1BaseFeeScalar,
		"l1BlobBaseFeeScalar":  receipt.L1BlobBaseFeeScalar,
		"operatorFeeScalar":    receipt.OperatorFeeScalar, // since Isthmus
		"operatorFeeConstant":  receipt.OperatorFeeConstant,
		"daFootprintGasScalar": receipt.DAFootprintGasScalar, // since Jovian
	} {
		if value != nil {
			shown[name] = hexutil.Uint64(*value)
		}
	}
	if receipt.DAFootprintGasScalar != nil { // Jovian puts the DA footprint where blob gas stood
		shown["blobGasUsed"] = hexutil.Uint64(receipt.BlobGasUsed)
	}
}

// counted counts logs against the size of the answer; none are an empty list.
func (c *call) counted(logs []*types.Log) []*types.Log {
	if logs == nil {
		return []*types.Log{}
	}
	for _, log := range logs {
		c.grow(512 + 70*len(log.Topics) + 2*len(log.Data))
	}
	return logs
}

func transactionReceipt(c *call, hash common.Hash) (object, error) {
	block, index, err := c.find(hash)
	if block == nil || err != nil {
		return nil, err
	}
	receipts, err := c.chain.Receipts(block.Hash())
	if err != nil || index >= len(receipts) {
		return nil, err
	}
	signer := types.MakeSigner(c.chain.Config(), block.Number(), block.Time())
	return c.showReceipt(block, index, receipts[index], signer), nil
}

func blockReceipts(c *call, at BlockNumberOrHash) ([]object, error) {
	block, err := c.block(at)
	if block == nil || err != nil {
		return nil, err
	}
	receipts, err := c.chain.Receipts(block.Hash())
	if err != nil {
		return nil, err
	}
	if len(receipts) != len(block.Transactions()) {
		return nil, fmt.Errorf("receipts length mismatch: %d vs %d", len(block.Transactions()), len(receipts))
	}
	signer := types.MakeSigner(c.chain.Config(), block.Number(), block.Time())
	shown := make([]object, len(receipts))
	for i, receipt := range receipts {
		shown[i] = c.showReceipt(block, i, receipt, signer)
	}
	return shown, nil
}

func rawReceipts(c *call, at BlockNumberOrHash) ([]hexutil.Bytes, error) {
	hash, err := c.hashOf(at)
	if err != nil || hash == (common.Hash{}) && at.BlockHash == nil {
		return nil, err
	}
	receipts, err := c.chain.Receipts(hash)
	if err != nil {
		return nil, err
	}
	raw := make([]hexutil.Bytes, len(receipts))
	for i, receipt := range receipts {
		if raw[i], err = receipt.MarshalBinary(); err != nil {
			return nil, err
		}
		c.grow(2 * len(raw[i]))
	}
	return raw, nil
}
