// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/ethereum/go-ethereum/consensus/beacon"
	"github.com/ethereum/go-ethereum/consensus/ethash"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/rlp"
)

// vectors is the folder of public conformance data; without it the test is left out, but not in CI.
func vectors(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("L2_VECTORS")
	if root == "" {
		root = "../../../../../shared/vectors"
	}
	folder := filepath.Join(root, name)
	if _, err := os.Stat(folder); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the vectors are not there: %v", err)
	}
	return folder
}

// The chain of execution-apis is one of L1, from proof of work through every fork to Osaka and its blob schedules. Its blocks are
// executed by op-geth's state processor on states of this engine's store and committed by its commit; the header of each
// is held against what came out. Then every block after the merge is built, too, from attributes: all must be the same but
// the extra data, which attributes of L1 do not carry.
func TestChainOfExecutionAPIs(t *testing.T) {
	folder := vectors(t, "execution-apis")
	file, err := os.ReadFile(filepath.Join(folder, "genesis.json"))
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := os.ReadFile(filepath.Join(folder, "chain.rlp"))
	if err != nil {
		t.Fatal(err)
	}
	store := NewMemory()
	chain := open(t, file, store, Options{})
	chain.consensus = beacon.New(ethash.NewFaker()) // proof of work has rewards, and seals that nobody checks here
	processor, validator := core.NewStateProcessor(chain), core.NewBlockValidator(chain.config, nil)
	imported, built := 0, 0
	for stream := rlp.NewStream(bytes.NewReader(encoded), 0); ; {
		block := new(types.Block)
		if err := stream.Decode(block); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		parent, err := chain.known("parent", block.ParentHash())
		if err != nil {
			t.Fatal(err)
		}
		statedb, err := chain.State(parent)
		if err != nil {
			t.Fatal(err)
		}
		if err := chain.consensus.VerifyHeader(chain, block.Header()); err != nil {
			t.Fatalf("header %d: %v", block.NumberU64(), err)
		}
		result, err := processor.Process(t.Context(), block, statedb, vm.Config{})
		if err != nil {
			t.Fatalf("block %d: %v", block.NumberU64(), err)
		}
		if err := validator.ValidateState(block, statedb, result, false); err != nil {
			t.Fatalf("block %d: %v", block.NumberU64(), err)
		}
		if block.Difficulty().Sign() == 0 {
			again, _, err := chain.Build(block.ParentHash(), attributesOf(t, block))
			if err != nil {
				t.Fatalf("build of block %d: %v", block.NumberU64(), err)
			}
			header := again.Header()
			header.Extra = block.Extra()
			if header.Hash() != block.Hash() {
				t.Fatalf("block %d was built as %+v, is %+v", block.NumberU64(), header, block.Header())
			}
			built++
		}
		if err := chain.commit(block, result.Receipts, statedb); err != nil {
			t.Fatal(err)
		}
		if err := chain.SetHead(Heads{Head: block.Hash()}); err != nil {
			t.Fatal(err)
		}
		imported++
	}
	t.Logf("%d blocks imported, %d of them built as well", imported, built)
	if imported < 40 || built < 10 {
		t.Fatalf("%d blocks imported, %d built", imported, built)
	}
	if again := open(t, file, store, Options{}); again.CurrentHeader().Hash() != chain.CurrentHeader().Hash() {
		t.Fatal("the store was reopened at another head")
	}
}

func attributesOf(t *testing.T, block *types.Block) *PayloadAttributes {
	t.Helper()
	a := &PayloadAttributes{
		Timestamp: block.Time(), PrevRandao: block.MixDigest(), SuggestedFeeRecipient: block.Coinbase(), Withdrawals: block.Withdrawals(),
		ParentBeaconBlockRoot: block.BeaconRoot(), GasLimit: block.GasLimit(),
	}
	for _, tx := range block.Transactions() {
		raw, err := tx.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		a.Transactions = append(a.Transactions, raw)
	}
	return a
}
