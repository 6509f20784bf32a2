// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/consensus/beacon"
	"github.com/ethereum/go-ethereum/consensus/ethash"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rlp"

	"opengine/engine"
)

// gethChain is a chain of geth's own, for blocks that an engine of the OP Stack does not build: those of L1, mined ones among them.
type gethChain struct {
	*core.BlockChain
	heads engine.Heads
}

var _ engine.Reader = (*gethChain)(nil)

// importChain executes the blocks of a file on a genesis.
func importChain(t testing.TB, genesisFile, blocksFile string) *gethChain {
	t.Helper()
	genesis := new(core.Genesis)
	if err := json.Unmarshal(mustRead(t, genesisFile), genesis); err != nil {
		t.Fatal(err)
	}
	options := core.DefaultConfig()
	options.ArchiveMode, options.StateScheme, options.SnapshotLimit = true, rawdb.HashScheme, 0
	chain, err := core.NewBlockChain(rawdb.NewMemoryDatabase(), genesis, beacon.New(ethash.NewFaker()), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chain.Stop)
	blocks := rlp.NewStream(bytes.NewReader(mustRead(t, blocksFile)), 0)
	for {
		block := new(types.Block)
		if err := blocks.Decode(block); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if _, err := chain.InsertChain(types.Blocks{block}); err != nil {
			t.Fatalf("block %d: %v", block.Number(), err)
		}
	}
	head := chain.CurrentBlock().Hash()
	return &gethChain{chain, engine.Heads{Head: head, Safe: head, Finalized: head}}
}

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (c *gethChain) Genesis() common.Hash                   { return c.BlockChain.Genesis().Hash() }
func (c *gethChain) Config() *params.ChainConfig            { return c.BlockChain.Config() }
func (c *gethChain) Heads() (engine.Heads, error)           { return c.heads, nil }
func (c *gethChain) Kept() (states, bodies uint64, _ error) { return 0, 0, nil }

func (c *gethChain) Header(hash common.Hash) (*types.Header, error) {
	return c.GetHeaderByHash(hash), nil
}

func (c *gethChain) CanonicalHash(number uint64) (common.Hash, error) {
	return c.GetCanonicalHash(number), nil
}

func (c *gethChain) Block(hash common.Hash) (*types.Block, error) { return c.GetBlockByHash(hash), nil }

func (c *gethChain) Receipts(hash common.Hash) (types.Receipts, error) {
	return c.GetReceiptsByHash(hash), nil
}

func (c *gethChain) Lookup(hash common.Hash) (*engine.Place, error) {
	place, _ := c.GetCanonicalTransaction(hash)
	if place == nil {
		return nil, nil
	}
	return &engine.Place{Block: place.BlockHash, Number: place.BlockIndex, Index: int(place.Index)}, nil
}

func (c *gethChain) State(header *types.Header) (*state.StateDB, error) {
	return c.StateAt(header.Root)
}

func (c *gethChain) BlockContext(header *types.Header, statedb types.StateGetter) vm.BlockContext {
	return core.NewEVMBlockContext(header, c, nil, c.Config(), statedb)
}
