// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// checkIndex holds numbers and lookups against the chain that ends in the head.
func (b *builder) checkIndex(all map[common.Hash]*types.Block) {
	b.t.Helper()
	head := b.head()
	canonical := map[common.Hash]bool{}
	for at := head; ; at = b.chain.GetHeaderByHash(at.ParentHash) {
		canonical[at.Hash()] = true
		if hash, err := b.chain.CanonicalHash(at.Number.Uint64()); err != nil || hash != at.Hash() {
			b.t.Fatalf("number %d is %s, not %s (%v)", at.Number, hash, at.Hash(), err)
		}
		if at.Number.Sign() == 0 {
			break
		}
	}
	for number := head.Number.Uint64() + 1; number < head.Number.Uint64()+30; number++ {
		if hash, _ := b.chain.CanonicalHash(number); hash != (common.Hash{}) {
			b.t.Fatalf("number %d above the head is %s", number, hash)
		}
	}
	inChain := map[common.Hash]Place{}
	for hash, block := range all {
		for i, tx := range block.Transactions() {
			if canonical[hash] {
				inChain[tx.Hash()] = Place{hash, block.NumberU64(), i}
			}
		}
	}
	for _, block := range all {
		for _, tx := range block.Transactions() {
			place, err := b.chain.Lookup(tx.Hash())
			if err != nil {
				b.t.Fatal(err)
			}
			if want, ok := inChain[tx.Hash()]; ok != (place != nil) || (ok && *place != want) {
				b.t.Fatalf("transaction %s: expected %v %v, got %v", tx.Hash(), ok, want, place)
			}
		}
	}
}

func TestSetHeadFollowsEveryBranch(t *testing.T) {
	accounts := testAccounts(6)
	b := newBuilder(t, open(t, testGenesis(testForks{}, accounts), NewMemory(), Options{}), accounts, 3)
	blocks := []common.Hash{b.head().Hash()}
	all := map[common.Hash]*types.Block{}
	for range 60 {
		parent := blocks[b.random.IntN(len(blocks))]
		if b.random.IntN(3) > 0 {
			parent = blocks[len(blocks)-1]
		}
		block := b.build(parent, b.randomBlock(b.chain.GetHeaderByHash(parent), 6))
		if all[block.Hash()] == nil {
			blocks, all[block.Hash()] = append(blocks, block.Hash()), block
		}
		b.setHead(blocks[b.random.IntN(len(blocks))])
		b.checkIndex(all)
	}
}

func TestSetHeadRefusesWhatIsNoChain(t *testing.T) {
	accounts := testAccounts(2)
	b := newBuilder(t, open(t, testGenesis(testForks{}, accounts), NewMemory(), Options{}), accounts, 1)
	genesis := b.head()
	a := b.build(genesis.Hash(), b.attributes(genesis))
	other := b.attributes(genesis)
	other.PrevRandao = common.Hash{9}
	fork := b.build(genesis.Hash(), other)
	b.setHead(a.Hash())
	before, _ := b.chain.Heads()
	wantCode(t, b.chain.SetHead(Heads{Head: common.Hash{1}}), UnknownBlock)
	wantCode(t, b.chain.SetHead(Heads{}), UnknownBlock)
	wantCode(t, b.chain.SetHead(Heads{Head: a.Hash(), Safe: common.Hash{1}}), UnknownBlock)
	wantCode(t, b.chain.SetHead(Heads{Head: a.Hash(), Safe: fork.Hash()}), Forkchoice, "safe block")
	wantCode(t, b.chain.SetHead(Heads{Head: fork.Hash(), Finalized: a.Hash()}), Forkchoice, "finalized block")
	wantCode(t, b.chain.SetHead(Heads{Head: genesis.Hash(), Safe: a.Hash()}), Forkchoice)
	if after, _ := b.chain.Heads(); after != before {
		t.Fatal("a refused setHead moved something")
	}
	if err := b.chain.SetHead(Heads{Head: fork.Hash()}); err != nil {
		t.Fatal(err)
	}
	if heads, _ := b.chain.Heads(); heads != (Heads{Head: fork.Hash()}) {
		t.Fatalf("heads are %v: a zero hash unsets", heads)
	}
}

func TestReaderOverASharedStoreSeesHeadsAnew(t *testing.T) {
	accounts := testAccounts(4)
	file, store := testGenesis(testForks{}, accounts), NewMemory()
	_, err := Open(file, store, Options{ReadOnly: true})
	wantCode(t, err, ReadOnly)
	b := newBuilder(t, open(t, file, store, Options{}), accounts, 5)
	reader := open(t, file, store, Options{ReadOnly: true})
	for range 5 {
		block := b.grow(1, 8)
		if head := reader.CurrentHeader(); head.Hash() != block.Hash() {
			t.Fatalf("the reader sees %d", head.Number)
		}
		mine, err := b.chain.State(block.Header())
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := reader.State(block.Header())
		if err != nil {
			t.Fatal(err)
		}
		for _, account := range accounts {
			if mine.GetBalance(account.address).Cmp(theirs.GetBalance(account.address)) != 0 {
				t.Fatal("the reader sees another balance")
			}
		}
	}
	_, _, err = reader.Build(reader.Genesis(), b.attributes(b.head()))
	wantCode(t, err, ReadOnly)
	wantCode(t, reader.SetHead(Heads{Head: reader.Genesis()}), ReadOnly)
	_, _, err = reader.Prune(0)
	wantCode(t, err, ReadOnly)
	_ = big.NewInt
}
