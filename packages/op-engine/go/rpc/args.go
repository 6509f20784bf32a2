// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"errors"
	"fmt"
	"math"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/consensus/misc/eip4844"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/holiman/uint256"
)

// TransactionArgs is the object that eth_call and its kin take. Names of types that show in the words of geth's errors are geth's.
type TransactionArgs struct {
	From                 *common.Address `json:"from"`
	To                   *common.Address `json:"to"`
	Gas                  *hexutil.Uint64 `json:"gas"`
	GasPrice             *hexutil.Big    `json:"gasPrice"`
	MaxFeePerGas         *hexutil.Big    `json:"maxFeePerGas"`
	MaxPriorityFeePerGas *hexutil.Big    `json:"maxPriorityFeePerGas"`
	Value                *hexutil.Big    `json:"value"`
	Nonce                *hexutil.Uint64 `json:"nonce"`

	// Input is the newer name of Data, and wins.
	Data  *hexutil.Bytes `json:"data"`
	Input *hexutil.Bytes `json:"input"`

	AccessList        *types.AccessList            `json:"accessList,omitempty"`
	ChainID           *hexutil.Big                 `json:"chainId,omitempty"`
	BlobFeeCap        *hexutil.Big                 `json:"maxFeePerBlobGas"`
	BlobHashes        []common.Hash                `json:"blobVersionedHashes,omitempty"`
	AuthorizationList []types.SetCodeAuthorization `json:"authorizationList"`
}

var errTwoFees = errors.New("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified")

func (args *TransactionArgs) from() common.Address {
	if args.From == nil {
		return common.Address{}
	}
	return *args.From
}

func (args *TransactionArgs) data() []byte {
	switch {
	case args.Input != nil:
		return *args.Input
	case args.Data != nil:
		return *args.Data
	}
	return nil
}

// fill sets what a call needs and the caller left out. A gas cap of 0 is none.
func (args *TransactionArgs) fill(gasCap uint64, baseFee, chainID *big.Int) error {
	if args.GasPrice != nil && (args.MaxFeePerGas != nil || args.MaxPriorityFeePerGas != nil) {
		return errTwoFees
	}
	if args.ChainID == nil {
		args.ChainID = (*hexutil.Big)(chainID)
	} else if have := args.ChainID.ToInt(); have.Cmp(chainID) != 0 {
		return fmt.Errorf("chainId does not match node's (have=%v, want=%v)", have, chainID)
	}
	if args.Gas == nil {
		gas := gasCap
		if gas == 0 {
			gas = math.MaxUint64 / 2
		}
		args.Gas = (*hexutil.Uint64)(&gas)
	} else if gasCap > 0 && uint64(*args.Gas) > gasCap {
		args.Gas = (*hexutil.Uint64)(&gasCap)
	}
	if args.Nonce == nil {
		args.Nonce = new(hexutil.Uint64)
	}
	zero := func(amount **hexutil.Big) {
		if *amount == nil {
			*amount = new(hexutil.Big)
		}
	}
	zero(&args.Value)
	if baseFee == nil { // before EIP-1559
		zero(&args.GasPrice)
	} else {
		zero(&args.MaxFeePerGas)
		zero(&args.MaxPriorityFeePerGas)
	}
	if args.BlobHashes != nil {
		zero(&args.BlobFeeCap)
	}
	return nil
}

// message is for an EVM. The arguments must have been filled.
func (args *TransactionArgs) message(baseFee *big.Int, skipNonce bool) *core.Message {
	message := &core.Message{
		From:                  args.from(),
		To:                    args.To,
		Value:                 args.Value.ToInt(),
		Nonce:                 uint64(*args.Nonce),
		GasLimit:              uint64(*args.Gas),
		Data:                  args.data(),
		BlobGasFeeCap:         (*big.Int)(args.BlobFeeCap),
		BlobHashes:            args.BlobHashes,
		SetCodeAuthorizations: args.AuthorizationList,
		SkipNonceChecks:       skipNonce,
		SkipTransactionChecks: true,
	}
	if args.AccessList != nil {
		message.AccessList = *args.AccessList
	}
	if args.GasPrice != nil || baseFee == nil {
		price := args.GasPrice.ToInt()
		message.GasPrice, message.GasFeeCap, message.GasTipCap = price, price, price
		return message
	}
	message.GasFeeCap, message.GasTipCap = args.MaxFeePerGas.ToInt(), args.MaxPriorityFeePerGas.ToInt()
	message.GasPrice = new(big.Int)
	if message.GasFeeCap.BitLen() > 0 || message.GasTipCap.BitLen() > 0 { // else the call is free
		message.GasPrice.Add(message.GasTipCap, baseFee)
		if message.GasPrice.Cmp(message.GasFeeCap) > 0 {
			message.GasPrice = message.GasFeeCap
		}
	}
	return message
}

// transaction is what the arguments would be signed as: of the type that their fields ask for, and of EIP-1559 where no field does
// and it is the default. The arguments must have been filled.
func (args *TransactionArgs) transaction(dynamicFee bool) (*types.Transaction, error) {
	list := types.AccessList{}
	if args.AccessList != nil {
		list = *args.AccessList
	}
	chainID, value := args.ChainID.ToInt(), args.Value.ToInt()
	nonce, gas, data := uint64(*args.Nonce), uint64(*args.Gas), args.data()
	number := func(amount *hexutil.Big) *uint256.Int { return uint256.MustFromBig((*big.Int)(amount)) } // hexutil.Big has 256 bits at most
	switch {
	case args.GasPrice != nil:
	case args.AuthorizationList != nil:
		if args.To == nil {
			return nil, errors.New(`missing "to" in set code transaction`)
		}
		return types.NewTx(&types.SetCodeTx{
			To: *args.To, ChainID: number(args.ChainID), Nonce: nonce, Gas: gas,
			GasFeeCap: number(args.MaxFeePerGas), GasTipCap: number(args.MaxPriorityFeePerGas), Value: number(args.Value),
			Data: data, AccessList: list, AuthList: args.AuthorizationList,
		}), nil
	case args.BlobHashes != nil:
		if args.To == nil {
			return nil, errors.New(`missing "to" in blob transaction`)
		}
		return types.NewTx(&types.BlobTx{
			To: *args.To, ChainID: number(args.ChainID), Nonce: nonce, Gas: gas,
			GasFeeCap: number(args.MaxFeePerGas), GasTipCap: number(args.MaxPriorityFeePerGas), Value: number(args.Value),
			Data: data, AccessList: list, BlobHashes: args.BlobHashes, BlobFeeCap: number(args.BlobFeeCap),
		}), nil
	case args.MaxFeePerGas != nil || dynamicFee:
		return types.NewTx(&types.DynamicFeeTx{
			To: args.To, ChainID: chainID, Nonce: nonce, Gas: gas,
			GasFeeCap: (*big.Int)(args.MaxFeePerGas), GasTipCap: (*big.Int)(args.MaxPriorityFeePerGas), Value: value,
			Data: data, AccessList: list,
		}), nil
	case args.AccessList != nil:
		return types.NewTx(&types.AccessListTx{
			To: args.To, ChainID: chainID, Nonce: nonce, Gas: gas, GasPrice: (*big.Int)(args.GasPrice), Value: value,
			Data: data, AccessList: list,
		}), nil
	}
	return types.NewTx(&types.LegacyTx{
		To: args.To, Nonce: nonce, Gas: gas, GasPrice: (*big.Int)(args.GasPrice), Value: value, Data: data,
	}), nil
}

// suggestFees sets the fees that a wallet would.
func (c *call) suggestFees(args *TransactionArgs, head *types.Header) error {
	config := c.chain.Config()
	if args.BlobFeeCap != nil && args.BlobFeeCap.ToInt().Sign() == 0 {
		return errors.New("maxFeePerBlobGas, if specified, must be non-zero")
	}
	if config.IsCancun(head.Number, head.Time) && args.BlobHashes != nil && args.BlobFeeCap == nil {
		// A new number: what CalcBlobFee gives may be a variable of its package, which the EVM reads too.
		args.BlobFeeCap = (*hexutil.Big)(new(big.Int).Mul(eip4844.CalcBlobFee(config, head), big.NewInt(2)))
	}
	if args.GasPrice != nil && (args.MaxFeePerGas != nil || args.MaxPriorityFeePerGas != nil) {
		return errTwoFees
	}
	london := config.IsLondon(head.Number)
	if args.GasPrice != nil {
		if args.GasPrice.ToInt().Sign() == 0 && london {
			return errors.New("gasPrice must be non-zero after london fork")
		}
		return nil
	}
	if args.MaxFeePerGas != nil && args.MaxPriorityFeePerGas != nil && args.MaxFeePerGas.ToInt().Sign() == 0 {
		return errors.New("maxFeePerGas must be non-zero")
	}
	if !london && args.MaxFeePerGas == nil && args.MaxPriorityFeePerGas == nil {
		tip, err := c.suggestTip()
		args.GasPrice = (*hexutil.Big)(tip)
		return err
	}
	if !london && (args.MaxFeePerGas == nil || args.MaxPriorityFeePerGas == nil) {
		return errors.New("maxFeePerGas and maxPriorityFeePerGas are not valid before London is active")
	}
	if args.MaxPriorityFeePerGas == nil {
		tip, err := c.suggestTip()
		if err != nil {
			return err
		}
		args.MaxPriorityFeePerGas = (*hexutil.Big)(tip)
	}
	if args.MaxFeePerGas == nil {
		fee := new(big.Int).Mul(head.BaseFee, big.NewInt(2))
		args.MaxFeePerGas = (*hexutil.Big)(fee.Add(fee, args.MaxPriorityFeePerGas.ToInt()))
	}
	if args.MaxFeePerGas.ToInt().Cmp(args.MaxPriorityFeePerGas.ToInt()) < 0 {
		return fmt.Errorf("maxFeePerGas (%v) < maxPriorityFeePerGas (%v)", args.MaxFeePerGas, args.MaxPriorityFeePerGas)
	}
	return nil
}
