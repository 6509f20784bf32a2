// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/consensus/misc/eip1559"
	"github.com/ethereum/go-ethereum/consensus/misc/eip4844"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rlp"
)

// PayloadAttributes are those of the Engine API with the fields of the OP Stack; Transactions are all of the block, in their order.
type PayloadAttributes struct {
	Timestamp             uint64
	PrevRandao            common.Hash
	SuggestedFeeRecipient common.Address
	// Withdrawals is nil before Canyon (Shanghai) and empty from it on.
	Withdrawals           types.Withdrawals
	ParentBeaconBlockRoot *common.Hash
	GasLimit              uint64
	// EIP1559Params: 4 bytes of denominator, 4 of elasticity, from Holocene on.
	EIP1559Params []byte
	// MinBaseFee in wei, from Jovian on.
	MinBaseFee *uint64

	Transactions [][]byte
	// Senders that somebody trusted has recovered, one for each transaction, zero where nobody has; nil: none.
	Senders []common.Address
}

// digest names a block that was asked for.
func (a *PayloadAttributes) digest(parent common.Hash) common.Hash {
	hasher := sha256.New()
	encoded, err := rlp.EncodeToBytes([]any{
		parent, a.Timestamp, a.PrevRandao, a.SuggestedFeeRecipient, a.Withdrawals == nil, a.Withdrawals, a.ParentBeaconBlockRoot == nil,
		a.ParentBeaconBlockRoot, a.GasLimit, a.EIP1559Params == nil, a.EIP1559Params, a.MinBaseFee == nil, a.MinBaseFee,
	})
	if err != nil {
		panic(err)
	}
	hasher.Write(encoded)
	var size [4]byte
	for _, transaction := range a.Transactions {
		binary.BigEndian.PutUint32(size[:], uint32(len(transaction)))
		hasher.Write(size[:])
		hasher.Write(transaction)
	}
	// A sender that is handed over decides what happens, so it is a part of the question.
	for _, sender := range a.Senders {
		hasher.Write(sender[:])
	}
	return common.BytesToHash(hasher.Sum(nil))
}

// header begins the block after parent, as op-geth's miner does, or says which attribute no fork allows there.
func (c *Chain) header(parent *types.Header, a *PayloadAttributes) (*types.Header, error) {
	config, number := c.config, new(big.Int).Add(parent.Number, common.Big1)
	refuse := func(format string, args ...any) (*types.Header, error) { return nil, fail(Attributes, format, args...) }

	if !config.IsPostMerge(number.Uint64(), a.Timestamp) || !config.IsLondon(number) {
		return nil, fail(ForkUnsupported, "block %d would be one of proof of work or without a base fee: this engine builds none", number)
	}
	if a.Timestamp <= parent.Time {
		return refuse("invalid timestamp, parent %d given %d", parent.Time, a.Timestamp)
	}
	if err := c.hasRules(a.Timestamp); err != nil {
		return nil, err
	}
	if a.GasLimit > params.MaxGasLimit {
		return refuse("invalid gasLimit: have %v, max %v", a.GasLimit, uint64(params.MaxGasLimit))
	}
	switch shanghai := config.IsShanghai(number, a.Timestamp); {
	case shanghai && a.Withdrawals == nil:
		return refuse("missing withdrawals")
	case !shanghai && a.Withdrawals != nil:
		return refuse("withdrawals before shanghai")
	case config.IsCanyon(a.Timestamp) && len(a.Withdrawals) != 0:
		return refuse("non-empty withdrawals post-Canyon")
	}
	header := &types.Header{
		ParentHash: parent.Hash(),
		Number:     number,
		GasLimit:   a.GasLimit,
		Time:       a.Timestamp,
		Coinbase:   a.SuggestedFeeRecipient,
		MixDigest:  a.PrevRandao,
		Difficulty: new(big.Int),
		BaseFee:    eip1559.CalcBaseFee(config, parent, a.Timestamp),
	}
	if config.IsHolocene(a.Timestamp) {
		if err := eip1559.ValidateHolocene1559Params(a.EIP1559Params); err != nil {
			return refuse("%v", err)
		}
		if config.IsJovian(a.Timestamp) != (a.MinBaseFee != nil) {
			if a.MinBaseFee == nil {
				return refuse("missing minBaseFee")
			}
			return refuse("minBaseFee before Jovian")
		}
		denominator, elasticity := eip1559.DecodeHolocene1559Params(a.EIP1559Params)
		if denominator == 0 {
			denominator, elasticity = config.BaseFeeChangeDenominator(a.Timestamp), config.ElasticityMultiplier()
		}
		header.Extra = eip1559.EncodeOptimismExtraData(config, a.Timestamp, denominator, elasticity, a.MinBaseFee)
	} else {
		if a.EIP1559Params != nil {
			return refuse("got eip1559 params, expected none")
		}
		if a.MinBaseFee != nil {
			return refuse("minBaseFee before Jovian")
		}
	}
	if config.IsCancun(number, a.Timestamp) {
		if a.ParentBeaconBlockRoot == nil {
			return refuse("missing beacon root")
		}
		var excess uint64
		if config.IsCancun(parent.Number, parent.Time) {
			excess = eip4844.CalcExcessBlobGas(config, parent, a.Timestamp)
		}
		header.BlobGasUsed = new(uint64)
		header.ExcessBlobGas = &excess
		header.ParentBeaconRoot = a.ParentBeaconBlockRoot
	} else if a.ParentBeaconBlockRoot != nil {
		return refuse("unexpected beacon root")
	}
	return header, nil
}

func blobBaseFee(config *params.ChainConfig, header *types.Header) *big.Int {
	return new(big.Int).Set(eip4844.CalcBlobFee(config, header)) // geth may hand out a variable of its own
}
