// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"

	"github.com/ethereum/go-ethereum/consensus/beacon"
)

// Hashes of the last of 30 random blocks. They hold for every build of the engine, native or WebAssembly.
var goldenChains = []struct {
	name  string
	forks testForks
	last  string
}{
	{"isthmus", testForks{}, "0x8e8b3accc63d115dab0816212aa0feaaa9bfa250fcc1427adf5d607a3524dee3"},
	{"jovian", testForks{jovian: at(0)}, "0x052d036177b9c0dee61bff50a907b84a864334499883eff773fc4cd03946af58"},
	{"karst", testForks{jovian: at(0), karst: at(0)}, "0x543603c75a5c638a7e7ead83c30df5a709fd2fcb7176f56a4b051dbe45e08c1e"},
	{"isthmus to karst", testForks{jovian: at(genesisTime + 20), karst: at(genesisTime + 40)}, "0x413fb1952e76dba6b1e4395c2d1dce490d9c5c245eff8e3e3602ecb88fd141ea"},
}

func TestBuildGivesTheSameHashesEverywhere(t *testing.T) {
	for i, golden := range goldenChains {
		t.Run(golden.name, func(t *testing.T) {
			accounts := testAccounts(12)
			b := newBuilder(t, open(t, testGenesis(golden.forks, accounts), NewMemory(), Options{}), accounts, uint64(i))
			last := b.grow(30, 12)
			if last.Hash().Hex() != golden.last {
				t.Fatalf("expected %s, got %s", golden.last, last.Hash())
			}
		})
	}
}

// Op-geth's own import is the judge: what this engine builds, a stock node takes.
func TestBuildIsTakenByStockImport(t *testing.T) {
	for i, golden := range goldenChains {
		t.Run(golden.name, func(t *testing.T) {
			accounts := testAccounts(12)
			file := testGenesis(golden.forks, accounts)
			b := newBuilder(t, open(t, file, NewMemory(), Options{}), accounts, 100+uint64(i))
			genesis, _, err := parseGenesis(file)
			if err != nil {
				t.Fatal(err)
			}
			stock, err := core.NewBlockChain(rawdb.NewMemoryDatabase(), genesis, beacon.New(nil), core.DefaultConfig().WithStateScheme(rawdb.HashScheme))
			if err != nil {
				t.Fatal(err)
			}
			defer stock.Stop()
			if stock.Genesis().Hash() != b.chain.Genesis() {
				t.Fatalf("genesis: stock %s, engine %s", stock.Genesis().Hash(), b.chain.Genesis())
			}
			failed := 0
			for range 60 {
				block := b.grow(1, 15)
				if _, err := stock.InsertChain(types.Blocks{block}); err != nil {
					t.Fatalf("block %d: %v", block.NumberU64(), err)
				}
				if stock.CurrentBlock().Hash() != block.Hash() {
					t.Fatalf("block %d: stock is at %s", block.NumberU64(), stock.CurrentBlock().Hash())
				}
				receipts, err := b.chain.Receipts(block.Hash())
				if err != nil {
					t.Fatal(err)
				}
				theirs := stock.GetReceiptsByHash(block.Hash())
				for j, receipt := range receipts {
					mine, err := receipt.MarshalJSON()
					if err != nil {
						t.Fatal(err)
					}
					other, err := theirs[j].MarshalJSON()
					if err != nil {
						t.Fatal(err)
					}
					if string(mine) != string(other) {
						t.Fatalf("receipt %d of block %d: %s, stock %s", j, block.NumberU64(), mine, other)
					}
					if receipt.Status == 0 {
						failed++
					}
				}
			}
			if failed == 0 {
				t.Fatal("no transaction failed: the blocks are not as mixed as they should be")
			}
		})
	}
}

func TestBuildTakesSendersThatAreHandedOver(t *testing.T) {
	accounts := testAccounts(8)
	file := testGenesis(testForks{jovian: at(0)}, accounts)
	b := newBuilder(t, open(t, file, NewMemory(), Options{}), accounts, 1)
	given := open(t, file, NewMemory(), Options{})
	for range 10 {
		a := b.randomBlock(b.head(), 12)
		block := b.grow1(a)
		for i, tx := range block.Transactions() {
			sender := common.Address{}
			if i%3 != 0 { // some are left to be recovered
				sender, _ = types.Sender(types.LatestSignerForChainID(big.NewInt(testChainID)), tx)
			}
			a.Senders = append(a.Senders, sender)
		}
		same, _, err := given.Build(block.ParentHash(), a)
		if err != nil {
			t.Fatal(err)
		}
		if same.Hash() != block.Hash() {
			t.Fatalf("block %d differs with senders given", block.NumberU64())
		}
	}
	// A sender that is handed over does not let another chain's transaction in.
	head := b.head()
	foreign, err := types.SignNewTx(accounts[0].key, types.LatestSignerForChainID(big.NewInt(5)), &types.DynamicFeeTx{ChainID: big.NewInt(5), GasFeeCap: big.NewInt(1e10), Gas: 21000, To: &storer})
	if err != nil {
		t.Fatal(err)
	}
	legacy, err := types.SignNewTx(accounts[0].key, types.LatestSignerForChainID(big.NewInt(5)), &types.LegacyTx{GasPrice: big.NewInt(1e10), Gas: 21000, To: &storer})
	if err != nil {
		t.Fatal(err)
	}
	for _, tx := range []*types.Transaction{foreign, legacy} {
		a := b.attributes(head, tx)
		a.Senders = []common.Address{{}, accounts[0].address}
		_, _, err = b.chain.Build(head.Hash(), a)
		wantCode(t, err, TransactionInvalid, "invalid chain id")
	}
}

func (b *builder) grow1(a *PayloadAttributes) *types.Block {
	b.t.Helper()
	block := b.build(b.head().Hash(), a)
	b.setHead(block.Hash())
	return block
}

func TestBuildTwiceExecutesOnceAndWritesOnce(t *testing.T) {
	accounts := testAccounts(4)
	store := newTestStore()
	b := newBuilder(t, open(t, testGenesis(testForks{}, accounts), store, Options{}), accounts, 1)
	a := b.randomBlock(b.head(), 10)
	genesis := b.head().Hash()
	before := store.writes
	block := b.build(genesis, a)
	if store.writes != before+1 {
		t.Fatalf("a block took %d writes", store.writes-before)
	}
	again, outcomes, err := b.chain.Build(genesis, a)
	if err != nil {
		t.Fatal(err)
	}
	if again.Hash() != block.Hash() || len(outcomes) != len(block.Transactions()) || store.writes != before+1 {
		t.Fatalf("the same question gave %s after %s and %d writes", again.Hash(), block.Hash(), store.writes-before)
	}
	if head := b.head().Hash(); head != genesis {
		t.Fatal("build moved the head")
	}
	before = store.writes
	b.setHead(block.Hash())
	if store.writes != before+1 {
		t.Fatalf("setHead took %d writes", store.writes-before)
	}
}

func TestBuildNamesTheTransactionThatDoesNotFit(t *testing.T) {
	accounts := testAccounts(4)
	b := newBuilder(t, open(t, testGenesis(testForks{jovian: at(0)}, accounts), newTestStore(), Options{}), accounts, 1)
	head := b.grow(2, 0).Header()
	chainID, cap := big.NewInt(testChainID), big.NewInt(10_000_000_000)
	to := accounts[1].address
	good := b.sign(accounts[0], &types.DynamicFeeTx{ChainID: chainID, GasFeeCap: cap, Gas: 21000, To: &to})
	cases := []struct {
		name   string
		bad    *types.Transaction
		reason string
	}{
		{"nonce too high", b.sign(accounts[1], &types.DynamicFeeTx{ChainID: chainID, Nonce: 9, GasFeeCap: cap, Gas: 21000, To: &to}), "nonce too high"},
		{"no funds", b.sign(accounts[1], &types.DynamicFeeTx{ChainID: chainID, GasFeeCap: cap, Gas: 21000, To: &to, Value: new(big.Int).Lsh(big.NewInt(1), 100)}), "insufficient funds"},
		{"fee cap", b.sign(accounts[1], &types.DynamicFeeTx{ChainID: chainID, GasFeeCap: big.NewInt(1), Gas: 21000, To: &to}), "max fee per gas less than block base fee"},
		{"gas limit", b.sign(accounts[1], &types.DynamicFeeTx{ChainID: chainID, GasFeeCap: cap, Gas: 40_000_000, To: &to}), "gas limit reached"},
		{"intrinsic gas", b.sign(accounts[1], &types.DynamicFeeTx{ChainID: chainID, GasFeeCap: cap, Gas: 20_000, To: &to}), "intrinsic gas too low"},
		// 40 kB that do not compress, at a scalar of 400, pass the block's gas limit
		{"DA footprint", b.sign(accounts[1], &types.DynamicFeeTx{ChainID: chainID, GasFeeCap: cap, Gas: 25_000_000, To: &to, Data: noise(120_000)}), "DA footprint exceeds block gas limit"},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			nodes := b.chain.db.store.(*testStore).writes
			_, _, err := b.chain.Build(head.Hash(), b.attributes(head, good, test.bad))
			fault := wantCode(t, err, TransactionInvalid, test.reason)
			if fault.Details["index"] != 2 || !strings.Contains(fault.Details["reason"].(string), test.reason) {
				t.Fatalf("details %v", fault.Details)
			}
			if b.chain.db.store.(*testStore).writes != nodes {
				t.Fatal("a block that was refused was written")
			}
		})
	}
	a := b.attributes(head, good)
	a.Transactions = append(a.Transactions, []byte{0x02, 0xc0})
	_, _, err := b.chain.Build(head.Hash(), a)
	if fault := wantCode(t, err, TransactionInvalid); fault.Details["index"] != 2 {
		t.Fatalf("details %v", fault.Details)
	}
	b.build(head.Hash(), b.attributes(head, good))
}

func noise(size int) []byte {
	data := make([]byte, size)
	for i := 0; i < size; i += 32 {
		copy(data[i:], common.BigToHash(big.NewInt(int64(i)*7919+13)).Bytes())
		copy(data[i:], types.EmptyCodeHash[:8])
		for j := range min(32, size-i) {
			data[i+j] ^= byte((i*31+j*17)>>3) ^ byte(i*j>>5)
		}
	}
	return data
}

func TestBuildRefusesAttributesThatNoForkAllows(t *testing.T) {
	accounts := testAccounts(2)
	jovian := newBuilder(t, open(t, testGenesis(testForks{jovian: at(0)}, accounts), NewMemory(), Options{}), accounts, 1)
	isthmus := newBuilder(t, open(t, testGenesis(testForks{}, accounts), NewMemory(), Options{}), accounts, 1)
	cases := []struct {
		name   string
		b      *builder
		change func(a *PayloadAttributes)
		words  string
	}{
		{"time of the parent", isthmus, func(a *PayloadAttributes) { a.Timestamp = genesisTime }, "invalid timestamp"},
		{"no withdrawals", isthmus, func(a *PayloadAttributes) { a.Withdrawals = nil }, "missing withdrawals"},
		{"withdrawals", isthmus, func(a *PayloadAttributes) { a.Withdrawals = types.Withdrawals{{}} }, "non-empty withdrawals"},
		{"no beacon root", isthmus, func(a *PayloadAttributes) { a.ParentBeaconBlockRoot = nil }, "missing beacon root"},
		{"no EIP-1559 parameters", isthmus, func(a *PayloadAttributes) { a.EIP1559Params = nil }, "8 bytes"},
		{"half of the EIP-1559 parameters", isthmus, func(a *PayloadAttributes) { a.EIP1559Params[3] = 1 }, "0 elasticity"},
		{"minBaseFee before Jovian", isthmus, func(a *PayloadAttributes) { a.MinBaseFee = at(1) }, "minBaseFee before Jovian"},
		{"no minBaseFee in Jovian", jovian, func(a *PayloadAttributes) { a.MinBaseFee = nil }, "missing minBaseFee"},
		{"no L1 attributes in Jovian", jovian, func(a *PayloadAttributes) { a.Transactions = nil }, "missing L1 attributes"},
		{"gas limit", isthmus, func(a *PayloadAttributes) { a.GasLimit = params.MaxGasLimit + 1 }, "invalid gasLimit"},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			head := test.b.head()
			a := test.b.attributes(head)
			test.change(a)
			_, _, err := test.b.chain.Build(head.Hash(), a)
			wantCode(t, err, Attributes, test.words)
		})
	}
	_, _, err := isthmus.chain.Build(common.Hash{1}, isthmus.attributes(isthmus.head()))
	wantCode(t, err, UnknownBlock)
}
