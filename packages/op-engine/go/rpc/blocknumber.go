// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"encoding/json"
	"errors"
	"math"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

// Blocks are named by number, by tag, by hash, or by an object of EIP-1898. Geth's package of these types would link an HTTP server
// into the WebAssembly file.

// BlockNumber is a number, or a tag below zero.
type BlockNumber int64

const (
	earliest  = BlockNumber(-5)
	safe      = BlockNumber(-4)
	finalized = BlockNumber(-3)
	latest    = BlockNumber(-2)
	pending   = BlockNumber(-1)
)

var tags = map[string]BlockNumber{"earliest": earliest, "safe": safe, "finalized": finalized, "latest": latest, "pending": pending}

// UnmarshalJSON takes a tag or a quantity, and as geth does, either without quotes too.
func (n *BlockNumber) UnmarshalJSON(data []byte) error {
	text := strings.TrimSpace(string(data))
	if len(text) >= 2 && text[0] == '"' && text[len(text)-1] == '"' {
		text = text[1 : len(text)-1]
	}
	return n.parse(text, "block number larger than int64")
}

func (n *BlockNumber) parse(text, tooLarge string) error {
	if tag, ok := tags[text]; ok {
		*n = tag
		return nil
	}
	number, err := hexutil.DecodeUint64(text)
	if err != nil {
		return err
	}
	if number > math.MaxInt64 {
		return errors.New(tooLarge)
	}
	*n = BlockNumber(number)
	return nil
}

// BlockNumberOrHash is one of both.
type BlockNumberOrHash struct {
	BlockNumber      *BlockNumber `json:"blockNumber,omitempty"`
	BlockHash        *common.Hash `json:"blockHash,omitempty"`
	RequireCanonical bool         `json:"requireCanonical,omitempty"`
}

func byNumber(number BlockNumber) BlockNumberOrHash { return BlockNumberOrHash{BlockNumber: &number} }

func byHash(hash common.Hash) BlockNumberOrHash { return BlockNumberOrHash{BlockHash: &hash} }

// UnmarshalJSON takes an object, or a string: of 32 bytes a hash, else a number or a tag.
func (r *BlockNumberOrHash) UnmarshalJSON(data []byte) error {
	type plain BlockNumberOrHash
	var object plain
	if json.Unmarshal(data, &object) == nil {
		if object.BlockNumber != nil && object.BlockHash != nil {
			return errors.New("cannot specify both BlockHash and BlockNumber, choose one or the other")
		}
		*r = BlockNumberOrHash(object)
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	if len(text) == 2+2*common.HashLength {
		r.BlockHash = new(common.Hash)
		return r.BlockHash.UnmarshalText([]byte(text))
	}
	r.BlockNumber = new(BlockNumber)
	return r.BlockNumber.parse(text, "blocknumber too high")
}
