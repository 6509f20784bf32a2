// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/types"
)

// dump walks all of a state, so that a node which was deleted by mistake is missed.
func dump(t *testing.T, chain *Chain, header *types.Header) string {
	t.Helper()
	statedb, err := chain.State(header)
	if err != nil {
		t.Fatal(err)
	}
	all, err := walk(statedb)
	if err != nil {
		t.Fatalf("the state of block %d is not whole: %v", header.Number, err)
	}
	return all
}

func walk(statedb *state.StateDB) (all string, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("%v", fault)
		}
	}()
	all = string(statedb.Dump(&state.DumpConfig{OnlyWithAddresses: false}))
	return all, statedb.Error()
}

// missingNodes counts what is reachable from a state and not there, by the store itself: caches hide what was deleted.
func missingNodes(chain *Chain, root common.Hash) (missing int) {
	for _, there := range reachable(chain, root) {
		if !there {
			missing++
		}
	}
	return missing
}

// reachable walks a state and says of each node whether the store has it.
func reachable(chain *Chain, root common.Hash) map[common.Hash]bool {
	found := map[common.Hash]bool{}
	stack := []visit{{root, true}}
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if at.hash == types.EmptyRootHash {
			continue
		}
		node, err := chain.db.Get(at.hash[:])
		if found[at.hash] = err == nil; err == nil {
			stack = append(stack, children(node, at.account)...)
		}
	}
	return found
}

// TestPruneKeepsWhatTheHistoryKeeps grows a tree of blocks at random, prunes in pieces of random length between its builds, crashes, and holds
// every block that must still be readable against an engine that forgets nothing.
func TestPruneKeepsWhatTheHistoryKeeps(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			defer func(before uint64) { minGarbage = before }(minGarbage)
			defer func(before int) { sweepBytes = before }(sweepBytes)
			minGarbage, sweepBytes = 200, 40_000
			random := rand.New(rand.NewPCG(seed, 1))
			accounts := testAccounts(10)
			file, store := testGenesis(testForks{jovian: at(0)}, accounts), newTestStore()
			history := History{States: 4 + random.Uint64N(6), Bodies: 12 + random.Uint64N(6)}
			archive := newBuilder(t, open(t, file, NewMemory(), Options{}), accounts, seed)
			chain := open(t, file, store, Options{History: history})
			tip := archive.head().Hash()
			known := []common.Hash{tip}
			cycles, deletedStates := 0, 0
			for range 260 {
				// Mostly on the tip, at times on a block a little behind it that is not forgotten.
				parent := tip
				if random.IntN(5) == 0 {
					parent = known[max(0, len(known)-1-random.IntN(6))]
				}
				header := archive.chain.GetHeaderByHash(parent)
				keptFrom, _, err := chain.Kept()
				if err != nil {
					t.Fatal(err)
				}
				if header.Number.Uint64() >= keptFrom && chain.GetHeaderByHash(parent) != nil {
					a := archive.randomBlock(header, 4)
					block := archive.build(parent, a)
					same, _, err := chain.Build(parent, a)
					if err != nil {
						t.Fatalf("block %d on a block that is kept: %v", block.NumberU64(), err)
					}
					if same.Hash() != block.Hash() {
						t.Fatalf("block %d differs", block.NumberU64())
					}
					known = append(known, block.Hash())
					if block.NumberU64() > archive.chain.GetHeaderByHash(tip).Number.Uint64() {
						tip = block.Hash()
						head := block.Header()
						finalized := head
						for range min(5, head.Number.Uint64()) {
							finalized = archive.chain.GetHeaderByHash(finalized.ParentHash)
						}
						heads := Heads{tip, finalized.Hash(), finalized.Hash()}
						if err := chain.SetHead(heads); err != nil {
							// Only a tip that left the finalized chain behind may be refused, which this test does not make.
							t.Fatal(err)
						}
						if err := archive.chain.SetHead(heads); err != nil {
							t.Fatal(err)
						}
					}
				}
				before := chain.pruning
				_, deleted, err := chain.Prune(time.Duration(random.IntN(2)) * time.Microsecond * 50)
				if err != nil {
					t.Fatal(err)
				}
				if before != nil && chain.pruning == nil {
					cycles++
				}
				deletedStates += deleted
				if random.IntN(60) == 0 { // a crash
					store.Memory = store.Memory.copy()
					chain = open(t, file, store, Options{History: history})
				}
			}
			if cycles < 3 || deletedStates < 500 {
				t.Fatalf("only %d cycles, %d deletions", cycles, deletedStates)
			}
			for done := false; !done; {
				var err error
				if done, _, err = chain.Prune(0); err != nil {
					t.Fatal(err)
				}
			}
			keptFrom, bodiesFrom, err := chain.Kept()
			if err != nil {
				t.Fatal(err)
			}
			heads, _ := chain.Heads()
			finalized := chain.GetHeaderByHash(heads.Finalized).Number.Uint64()
			if keptFrom > finalized-history.States || bodiesFrom != finalized-history.Bodies {
				t.Fatalf("finalized %d, history %v, kept from %d and %d", finalized, history, keptFrom, bodiesFrom)
			}
			states, bodies := 0, 0
			for _, hash := range known {
				theirs := archive.chain.GetHeaderByHash(hash)
				number := theirs.Number.Uint64()
				canonical, _ := archive.chain.CanonicalHash(number)
				mine := chain.GetHeaderByHash(hash)
				if mine == nil {
					if canonical == hash {
						t.Fatalf("the header of block %d of the chain is gone", number)
					}
					continue
				}
				if number < keptFrom {
					_, err := chain.State(mine)
					wantCode(t, err, StatePruned, "missing trie node", "is not available")
				} else {
					if lost := missingNodes(chain, mine.Root); lost > 0 {
						t.Fatalf("block %d has lost %d nodes", number, lost)
					}
					if dump(t, chain, mine) != dump(t, archive.chain, theirs) {
						t.Fatalf("the state of block %d differs", number)
					}
					states++
				}
				block, err := chain.Block(hash)
				if number < bodiesFrom {
					wantCode(t, err, HistoryPruned)
				} else if err != nil || block.Hash() != hash {
					t.Fatalf("block %d: %v", number, err)
				} else if _, err := chain.Receipts(hash); err != nil {
					t.Fatal(err)
				} else {
					bodies++
				}
				if canonical == hash {
					full, _ := archive.chain.Block(hash)
					for _, tx := range full.Transactions() {
						if place, err := chain.Lookup(tx.Hash()); err != nil || (place != nil) != (number >= bodiesFrom) {
							t.Fatalf("a transaction of block %d is at %v (%v)", number, place, err)
						}
					}
				}
			}
			if states < 8 || bodies < 12 {
				t.Fatalf("only %d states and %d bodies were compared", states, bodies)
			}
			// What the last cycle could have deleted is gone, but for what its marks took for live.
			kept, _ := chain.kept()
			live := reachable(chain, chain.GetHeaderByNumber(kept.Swept).Root)
			nodes, garbage := 0, 0
			for key, value := range store.values {
				if key[0] != nodePrefix {
					continue
				}
				if nodes++; tagOf(value) <= kept.Swept && !live[common.BytesToHash([]byte(key[1:]))] {
					garbage++
				}
			}
			if kept.Swept == kept.States && garbage > 2+len(live)/50 {
				t.Fatalf("%d nodes of garbage are left beside %d that are live", garbage, len(live))
			}
			if archived := archive.chain.db.store.(*Memory).count(nodePrefix); nodes*2 > archived {
				t.Fatalf("%d nodes of %d were kept", nodes, archived)
			}
		})
	}
}

func TestPruneAfterACrashAtEachOfItsWrites(t *testing.T) {
	defer func(before uint64) { minGarbage = before }(minGarbage)
	defer func(before int) { sweepBytes = before }(sweepBytes)
	minGarbage, sweepBytes = 100, 6000
	accounts := testAccounts(8)
	file, store := testGenesis(testForks{}, accounts), newTestStore()
	options := Options{History: History{States: 3, Bodies: 5}}
	b := newBuilder(t, open(t, file, store, options), accounts, 1)
	b.grow(40, 5)
	heads, _ := b.chain.Heads()
	var crashes []*Memory
	store.after = func(int) { crashes = append(crashes, store.Memory.copy()) }
	prune := func(chain *Chain) {
		for done := false; !done; {
			var err error
			if done, _, err = chain.Prune(0); err != nil {
				t.Fatal(err)
			}
		}
	}
	prune(b.chain)
	if len(crashes) < 10 {
		t.Fatalf("only %d writes", len(crashes))
	}
	rest := b.chain.db.store.(*testStore).count(nodePrefix)
	for i, crashed := range crashes {
		chain := open(t, file, crashed, options)
		prune(chain)
		if after, _ := chain.Heads(); after != heads {
			t.Fatal("the heads moved")
		}
		keptFrom, _, _ := chain.Kept()
		for at := chain.CurrentHeader(); at.Number.Uint64() >= keptFrom; at = chain.GetHeaderByHash(at.ParentHash) {
			if lost := missingNodes(chain, at.Root); lost > 0 {
				t.Fatalf("after a crash at write %d block %d has lost %d nodes", i+1, at.Number, lost)
			}
		}
		if nodes := crashed.count(nodePrefix); nodes > rest+rest/10 {
			t.Fatalf("after a crash at write %d, %d nodes stay, without it %d", i+1, nodes, rest)
		}
	}
}

func TestPruneForgetsBranchesThatLeaveTheChainBelowIt(t *testing.T) {
	defer func(before uint64) { minGarbage = before }(minGarbage)
	minGarbage = 10
	accounts := testAccounts(6)
	file := testGenesis(testForks{}, accounts)
	b := newBuilder(t, open(t, file, NewMemory(), Options{History: History{States: 2}}), accounts, 1)
	fork := b.grow(2, 3).Header()
	var branch []common.Hash
	at := fork
	for range 30 { // a long branch that is never the head
		a := b.randomBlock(at, 3)
		a.PrevRandao = common.Hash{7}
		at = b.build(at.Hash(), a).Header()
		branch = append(branch, at.Hash())
	}
	b.grow(20, 3)
	for done := false; !done; {
		var err error
		if done, _, err = b.chain.Prune(0); err != nil {
			t.Fatal(err)
		}
	}
	if keptFrom, _, _ := b.chain.Kept(); keptFrom < 10 {
		t.Fatalf("kept from %d: nothing was pruned", keptFrom)
	}
	for i, hash := range branch {
		if header, err := b.chain.Header(hash); err != nil || header != nil {
			t.Fatalf("block %d of the branch is still there (%v)", i, err)
		}
	}
	_, _, err := b.chain.Build(branch[29], b.attributes(at))
	wantCode(t, err, UnknownBlock)
	// A block whose state is gone is no parent and no head.
	old := b.chain.GetHeaderByNumber(3)
	_, _, err = b.chain.Build(old.Hash(), b.attributes(old))
	wantCode(t, err, StatePruned)
	wantCode(t, b.chain.SetHead(Heads{Head: old.Hash()}), StatePruned)
	b.grow(5, 3)
}

func TestPruneWithoutAHistoryForgetsNothing(t *testing.T) {
	defer func(before uint64) { minGarbage = before }(minGarbage)
	minGarbage = 1
	accounts := testAccounts(4)
	b := newBuilder(t, open(t, testGenesis(testForks{}, accounts), NewMemory(), Options{}), accounts, 1)
	b.grow(30, 3)
	if done, deleted, err := b.chain.Prune(time.Second); err != nil || !done || deleted > 0 {
		t.Fatalf("done %v, deleted %d, %v", done, deleted, err)
	}
	if lost := missingNodes(b.chain, b.chain.GetHeaderByNumber(0).Root); lost > 0 {
		t.Fatal("the genesis is not whole")
	}
}

// A node may be written again by a lower block of another branch, which must not make it look old.
func TestPruneKeepsANodeThatALowerBlockWroteAgain(t *testing.T) {
	defer func(before uint64) { minGarbage = before }(minGarbage)
	minGarbage = 1
	accounts := testAccounts(2)
	b := newBuilder(t, open(t, testGenesis(testForks{}, accounts), NewMemory(), Options{History: History{States: 3}}), accounts, 1)
	store := func(parent *types.Header, account int, slots ...uint64) *types.Header {
		var data []byte
		for _, slot := range slots {
			data = append(append(data, common.BigToHash(new(big.Int).SetUint64(slot)).Bytes()...), common.BigToHash(big.NewInt(1)).Bytes()...)
		}
		tx := b.sign(accounts[account], &types.DynamicFeeTx{
			ChainID: big.NewInt(testChainID), Nonce: b.nonce(parent, accounts[account].address), GasFeeCap: big.NewInt(1e10), Gas: 300_000, To: &storer, Data: data,
		})
		return b.build(parent.Hash(), b.attributes(parent, tx)).Header()
	}
	empty := func(parent *types.Header, count int) *types.Header {
		for range count {
			parent = b.build(parent.Hash(), b.attributes(parent)).Header()
		}
		return parent
	}
	low := empty(store(b.head(), 0, 1, 2, 3, 4, 5, 6, 7, 8), 9) // block 10
	high := store(empty(low, 9), 0, 99)                         // block 20 has a node that block 17 has not
	store(low, 1, 99)                                           // block 11 of a branch writes it again
	head := empty(high, 10)
	if err := b.chain.SetHead(Heads{Head: head.Hash(), Finalized: high.Hash()}); err != nil {
		t.Fatal(err)
	}
	if done, deleted, err := b.chain.Prune(time.Minute); err != nil || !done || deleted == 0 {
		t.Fatalf("done %v, deleted %d, %v", done, deleted, err)
	}
	if lost := missingNodes(b.chain, head.Root); lost > 0 {
		t.Fatalf("the state of the head has lost %d nodes", lost)
	}
}

func (b *builder) nonce(header *types.Header, address common.Address) uint64 {
	statedb, err := b.chain.State(header)
	if err != nil {
		b.t.Fatal(err)
	}
	return statedb.GetNonce(address)
}
