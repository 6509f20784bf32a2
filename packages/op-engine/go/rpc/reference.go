// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"errors"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/types"

	"opengine/engine"
)

var (
	errNeitherBlockNorHash = errors.New("invalid arguments; neither block nor hash specified")
	errHeaderNotFound      = errors.New("header not found")
)

// orLatest is the default of most reads.
func orLatest(at *BlockNumberOrHash) BlockNumberOrHash {
	if at == nil {
		return byNumber(latest)
	}
	return *at
}

func (c *call) head() (*types.Header, error) {
	heads, err := c.chain.Heads()
	if err != nil {
		return nil, err
	}
	return c.chain.Header(heads.Head)
}

// headerByNumber gives nil for a block that is not there.
func (c *call) headerByNumber(number BlockNumber) (*types.Header, error) {
	hash, err := c.hashByNumber(number)
	if err != nil || hash == (common.Hash{}) {
		return nil, err
	}
	return c.chain.Header(hash)
}

func (c *call) hashByNumber(number BlockNumber) (common.Hash, error) {
	if number == earliest {
		_, bodies, err := c.chain.Kept()
		if err != nil {
			return common.Hash{}, err
		}
		return c.chain.CanonicalHash(bodies)
	}
	if number >= 0 {
		return c.chain.CanonicalHash(uint64(number))
	}
	heads, err := c.chain.Heads()
	if err != nil {
		return common.Hash{}, err
	}
	switch number {
	case safe:
		if heads.Safe == (common.Hash{}) {
			return common.Hash{}, errors.New("safe block not found")
		}
		return heads.Safe, nil
	case finalized:
		if heads.Finalized == (common.Hash{}) {
			return common.Hash{}, errors.New("finalized block not found")
		}
		return heads.Finalized, nil
	}
	return heads.Head, nil
}

// canonical tells whether a block is in the chain that ends in the head.
func (c *call) canonical(header *types.Header) (bool, error) {
	hash, err := c.chain.CanonicalHash(header.Number.Uint64())
	return hash == header.Hash(), err
}

func (c *call) checkCanonical(at BlockNumberOrHash, header *types.Header) error {
	if !at.RequireCanonical {
		return nil
	}
	if canonical, err := c.canonical(header); err != nil {
		return err
	} else if !canonical {
		return errors.New("hash is not currently canonical")
	}
	return nil
}

// header is of a block that must be there.
func (c *call) header(at BlockNumberOrHash) (*types.Header, error) {
	if number := at.BlockNumber; number != nil {
		header, err := c.headerByNumber(*number)
		if err == nil && header == nil {
			err = errHeaderNotFound
		}
		return header, err
	}
	if at.BlockHash == nil {
		return nil, errNeitherBlockNorHash
	}
	header, err := c.chain.Header(*at.BlockHash)
	if err != nil {
		return nil, err
	}
	if header == nil {
		return nil, errors.New("header for hash not found")
	}
	return header, c.checkCanonical(at, header)
}

// state is the state after a block.
func (c *call) state(at BlockNumberOrHash) (*state.StateDB, *types.Header, error) {
	header, err := c.header(at)
	if err != nil {
		return nil, nil, err
	}
	statedb, err := c.chain.State(header)
	return statedb, header, err
}

// stateTersely is for the methods for which op-geth looks the header up once more and drops why it did not find it.
func (c *call) stateTersely(at BlockNumberOrHash) (*state.StateDB, *types.Header, error) {
	header, err := c.header(at)
	var fault *engine.Error
	if err != nil && !errors.As(err, &fault) {
		return nil, nil, errHeaderNotFound
	}
	if err != nil {
		return nil, nil, err
	}
	statedb, err := c.chain.State(header)
	return statedb, header, err
}

// blockByNumber gives nil for a block that is not there.
func (c *call) blockByNumber(number BlockNumber) (*types.Block, error) {
	hash, err := c.hashByNumber(number)
	if err != nil || hash == (common.Hash{}) {
		return nil, err
	}
	return c.chain.Block(hash)
}

// block gives nil for one that is not there.
func (c *call) block(at BlockNumberOrHash) (*types.Block, error) {
	if number := at.BlockNumber; number != nil {
		return c.blockByNumber(*number)
	}
	if at.BlockHash == nil {
		return nil, errNeitherBlockNorHash
	}
	header, err := c.chain.Header(*at.BlockHash)
	if header == nil || err != nil {
		return nil, err
	}
	if err := c.checkCanonical(at, header); err != nil {
		return nil, err
	}
	return c.chain.Block(*at.BlockHash)
}
