// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/holiman/uint256"
)

// OverrideAccount is what a call supposes of an account. State replaces all slots, StateDiff some.
type OverrideAccount struct {
	Nonce            *hexutil.Uint64             `json:"nonce"`
	Code             *hexutil.Bytes              `json:"code"`
	Balance          *hexutil.Big                `json:"balance"`
	State            map[common.Hash]common.Hash `json:"state"`
	StateDiff        map[common.Hash]common.Hash `json:"stateDiff"`
	MovePrecompileTo *common.Address             `json:"movePrecompileToAddress"`
}

// StateOverride is what a call supposes of the state it runs on.
type StateOverride map[common.Address]OverrideAccount

// apply changes a state and the precompiles of its block. Accounts take their turn by address, so that an error does not depend on
// the order of a map.
func (o *StateOverride) apply(statedb *state.StateDB, precompiles vm.PrecompiledContracts) error {
	if o == nil {
		return nil
	}
	moved := map[common.Address]bool{}
	for _, address := range slices.SortedFunc(maps.Keys(*o), common.Address.Cmp) {
		account := (*o)[address]
		if moved[address] {
			return fmt.Errorf("account %s has already been overridden by a precompile", address.Hex())
		}
		precompile, isPrecompile := precompiles[address]
		if to := account.MovePrecompileTo; to != nil {
			if !isPrecompile {
				return fmt.Errorf("account %s is not a precompile", address.Hex())
			}
			if _, overridden := (*o)[*to]; overridden {
				return fmt.Errorf("account %s is already overridden", to.Hex())
			}
			precompiles[*to] = precompile
			moved[*to] = true
		}
		delete(precompiles, address) // whatever is supposed of it
		if account.Nonce != nil {
			statedb.SetNonce(address, uint64(*account.Nonce), tracing.NonceChangeUnspecified)
		}
		if account.Code != nil {
			statedb.SetCode(address, *account.Code, tracing.CodeChangeUnspecified)
		}
		if account.Balance != nil {
			statedb.SetBalance(address, uint256.MustFromBig(account.Balance.ToInt()), tracing.BalanceChangeUnspecified)
		}
		if account.State != nil && account.StateDiff != nil {
			return fmt.Errorf("account %s has both 'state' and 'stateDiff'", address.Hex())
		}
		if account.State != nil {
			statedb.SetStorage(address, account.State)
		}
		for slot, value := range account.StateDiff {
			statedb.SetState(address, slot, value)
		}
	}
	// As though a transaction before had made the changes.
	statedb.Finalise(false)
	return nil
}

// BlockOverrides is what a call supposes of the block it runs in.
type BlockOverrides struct {
	Number        *hexutil.Big
	Difficulty    *hexutil.Big
	Time          *hexutil.Uint64
	GasLimit      *hexutil.Uint64
	FeeRecipient  *common.Address
	PrevRandao    *common.Hash
	BaseFeePerGas *hexutil.Big
	BlobBaseFee   *hexutil.Big
	BeaconRoot    *common.Hash
	Withdrawals   *types.Withdrawals
}

func (o *BlockOverrides) apply(block *vm.BlockContext) error {
	if o == nil {
		return nil
	}
	if o.BeaconRoot != nil {
		return errors.New(`block override "beaconRoot" is not supported for this RPC method`)
	}
	if o.Withdrawals != nil {
		return errors.New(`block override "withdrawals" is not supported for this RPC method`)
	}
	number := func(into **big.Int, override *hexutil.Big) {
		if override != nil {
			*into = override.ToInt()
		}
	}
	number(&block.BlockNumber, o.Number)
	number(&block.Difficulty, o.Difficulty)
	number(&block.BaseFee, o.BaseFeePerGas)
	number(&block.BlobBaseFee, o.BlobBaseFee)
	if o.Time != nil {
		block.Time = uint64(*o.Time)
	}
	if o.GasLimit != nil {
		block.GasLimit = uint64(*o.GasLimit)
	}
	if o.FeeRecipient != nil {
		block.Coinbase = *o.FeeRecipient
	}
	if o.PrevRandao != nil {
		block.Random = o.PrevRandao
	}
	return nil
}

// header is one with the overridden fields. A header has no field for a blob base fee.
func (o *BlockOverrides) header(header *types.Header) *types.Header {
	header = types.CopyHeader(header)
	if o.Number != nil {
		header.Number = o.Number.ToInt()
	}
	if o.Difficulty != nil {
		header.Difficulty = o.Difficulty.ToInt()
	}
	if o.BaseFeePerGas != nil {
		header.BaseFee = o.BaseFeePerGas.ToInt()
	}
	if o.Time != nil {
		header.Time = uint64(*o.Time)
	}
	if o.GasLimit != nil {
		header.GasLimit = uint64(*o.GasLimit)
	}
	if o.FeeRecipient != nil {
		header.Coinbase = *o.FeeRecipient
	}
	if o.PrevRandao != nil {
		header.MixDigest = *o.PrevRandao
	}
	return header
}
