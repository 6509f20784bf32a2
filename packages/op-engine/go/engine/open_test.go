// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/ethereum/go-ethereum/common"
)

func edit(t *testing.T, file []byte, change func(genesis, config, alloc map[string]any)) []byte {
	t.Helper()
	var genesis map[string]any
	if err := json.Unmarshal(file, &genesis); err != nil {
		t.Fatal(err)
	}
	change(genesis, genesis["config"].(map[string]any), genesis["alloc"].(map[string]any))
	edited, err := json.MarshalIndent(genesis, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return edited
}

func TestOpenRefusesGenesisFilesThatAreNone(t *testing.T) {
	file := testGenesis(testForks{}, testAccounts(1))
	cases := map[string][]byte{
		"no JSON":       []byte("{"),
		"empty":         []byte("{}"),
		"no config":     edit(t, file, func(g, _, _ map[string]any) { delete(g, "config") }),
		"no chain id":   edit(t, file, func(_, c, _ map[string]any) { delete(c, "chainId") }),
		"fork left out": edit(t, file, func(_, c, _ map[string]any) { c["cancunTime"], c["ecotoneTime"] = nil, nil }),
		"fork order":    edit(t, file, func(_, c, _ map[string]any) { c["jovianTime"], c["karstTime"], c["osakaTime"] = 50, 40, 40 }),
		"gap of L1": edit(t, file, func(_, c, _ map[string]any) {
			delete(c, "optimism")
			delete(c, "cancunTime")
			c["blobSchedule"] = map[string]any{"prague": map[string]int{"target": 6, "max": 9, "baseFeeUpdateFraction": 5007716}}
		}),
		"Prague alone":     edit(t, file, func(_, c, _ map[string]any) { c["isthmusTime"] = 77 }),
		"Osaka alone":      edit(t, file, func(_, c, _ map[string]any) { c["osakaTime"] = 77 }),
		"Karst not Osaka":  edit(t, file, func(_, c, _ map[string]any) { c["osakaTime"], c["karstTime"] = 77, 78 }),
		"zero denominator": edit(t, file, func(_, c, _ map[string]any) { c["optimism"].(map[string]any)["eip1559Denominator"] = 0 }),
		"balance too large": edit(t, file, func(_, _, a map[string]any) {
			a[storer.Hex()] = map[string]any{"balance": "0x1" + fmt.Sprintf("%064d", 0)}
		}),
		"number":             edit(t, file, func(g, _, _ map[string]any) { g["number"] = "0x5" }),
		"state without root": edit(t, file, func(g, _, _ map[string]any) { g["stateHash"] = common.Hash{1}.Hex() }),
	}
	for name, broken := range cases {
		t.Run(name, func(t *testing.T) {
			store := NewMemory()
			_, err := Open(broken, store, Options{})
			wantCode(t, err, GenesisInvalid)
			if len(store.values) > 0 {
				t.Fatal("a store was begun")
			}
		})
	}
}

func TestKarstBringsOsakaThoughTheFileDoesNotSay(t *testing.T) {
	accounts := testAccounts(2)
	file := testGenesis(testForks{jovian: at(0), karst: at(0)}, accounts)
	silent := edit(t, file, func(_, c, _ map[string]any) { delete(c, "osakaTime") })
	if chain := open(t, silent, NewMemory(), Options{}); chain.config.OsakaTime == nil || *chain.config.OsakaTime != 0 {
		t.Fatal("the EVM of Osaka is off")
	}
}

func TestForksWithoutRulesAreNotPassedOver(t *testing.T) {
	accounts := testAccounts(2)
	for _, name := range []string{"lagoonTime", "somethingTime"} {
		file := edit(t, testGenesis(testForks{jovian: at(0), karst: at(0)}, accounts), func(_, c, _ map[string]any) { c[name] = genesisTime + 4 })
		b := newBuilder(t, open(t, file, NewMemory(), Options{}), accounts, 1)
		b.grow(1, 1)
		_, _, err := b.chain.Build(b.head().Hash(), b.attributes(b.head()))
		wantCode(t, err, ForkUnsupported, name)
	}
}

func TestReopenKeepsHeadsAndReadsNoMoreThanBefore(t *testing.T) {
	accounts := testAccounts(6)
	file, store := testGenesis(testForks{}, accounts), newTestStore()
	b := newBuilder(t, open(t, file, store, Options{}), accounts, 1)
	reads := map[int]int{}
	for _, blocks := range []int{5, 200} {
		last := b.grow(blocks, 3)
		heads, _ := b.chain.Heads()
		store.gets, store.writes = 0, 0
		b.chain = open(t, file, store, Options{})
		reads[blocks] = store.gets
		if store.writes > 0 {
			t.Fatal("reopening wrote something")
		}
		if after, _ := b.chain.Heads(); after != heads || after.Head != last.Hash() {
			t.Fatalf("heads after: %v, before: %v", after, heads)
		}
	}
	if reads[5] != reads[200] {
		t.Fatalf("opening reads %d values at 5 blocks and %d at 205", reads[5], reads[200])
	}
	b.grow(3, 5)
}

func TestReopenKnowsItsGenesis(t *testing.T) {
	accounts := testAccounts(3)
	file, store := testGenesis(testForks{}, accounts), newTestStore()
	b := newBuilder(t, open(t, file, store, Options{}), accounts, 1)
	b.grow(10, 3) // to time 1020
	// Written in another way it is the same.
	open(t, edit(t, file, func(_, _, _ map[string]any) {}), store, Options{})
	// Forks that are still to come may be scheduled, and the schedule stays.
	later := edit(t, file, func(_, c, _ map[string]any) { c["jovianTime"] = 1030 })
	open(t, later, store, Options{})
	writes := store.writes
	if chain := open(t, later, store, Options{}); chain.config.JovianTime == nil || store.writes != writes {
		t.Fatal("the new schedule was not kept")
	}
	_, err := Open(edit(t, file, func(_, c, _ map[string]any) { c["jovianTime"] = 1010 }), store, Options{})
	wantCode(t, err, StoreForeign, "Jovian")
	_, err = Open(edit(t, file, func(_, _, a map[string]any) { delete(a, accounts[0].address.Hex()) }), store, Options{})
	wantCode(t, err, StoreForeign, "genesis")
	_, err = Open(edit(t, file, func(g, _, _ map[string]any) { g["gasLimit"] = "0x1c9c381" }), store, Options{})
	wantCode(t, err, StoreForeign)
}

func TestOpenRefusesStoresOfOthers(t *testing.T) {
	file := testGenesis(testForks{}, testAccounts(1))
	store := NewMemory()
	put := func(key string, value string) {
		batch := &Batch{}
		batch.Put([]byte(key), []byte(value))
		if err := store.Write(batch); err != nil {
			t.Fatal(err)
		}
	}
	put("LastBlock", "x")
	_, err := Open(file, store, Options{})
	wantCode(t, err, StoreForeign)
	store = NewMemory()
	other := newDatabase(store)
	other.putRecord(keyFormat, formatRecord{99})
	if err := other.flush(0); err != nil {
		t.Fatal(err)
	}
	_, err = Open(file, store, Options{})
	wantCode(t, err, StoreForeign, "99")
	store = NewMemory()
	put(string(keyFormat), `nonsense`)
	_, err = Open(file, store, Options{})
	wantCode(t, err, StoreCorrupt)
}

func TestCrashAtEveryWriteOfTheGenesis(t *testing.T) {
	defer func(before int) { accountsAtOnce = before }(accountsAtOnce)
	accountsAtOnce = 200
	accounts := testAccounts(5)
	file := edit(t, testGenesis(testForks{}, accounts), func(_, _, alloc map[string]any) {
		for i := range accountsAtOnce * 2 {
			alloc[fmt.Sprintf("0x%040x", 0x100000+i)] = map[string]any{"balance": "0x1"}
		}
	})
	whole := open(t, file, NewMemory(), Options{})
	for failAt := 1; failAt <= 4; failAt++ {
		store := newTestStore()
		store.failAt = failAt
		_, err := Open(file, store, Options{})
		wantCode(t, err, StoreFailed, errDisk.Error())
		chain := open(t, file, store.Memory, Options{})
		if chain.Genesis() != whole.Genesis() {
			t.Fatalf("after a failed write %d the genesis is another", failAt)
		}
		if _, err := chain.State(chain.CurrentHeader()); err != nil {
			t.Fatal(err)
		}
	}
}

// Every value of a store, damaged or lost, gives a typed error or does not matter; never a panic, never a wrong hash.
func TestDamagedStores(t *testing.T) {
	accounts := testAccounts(4)
	file, store := testGenesis(testForks{}, accounts), NewMemory()
	b := newBuilder(t, open(t, file, store, Options{}), accounts, 1)
	b.grow(4, 8)
	head := b.head()
	attributes := b.randomBlock(head, 8)
	want := b.build(head.Hash(), attributes).Hash()
	damages := map[string]func(value []byte) []byte{
		"lost":  func([]byte) []byte { return nil },
		"empty": func([]byte) []byte { return []byte{} },
		"bit":   func(value []byte) []byte { other := bytes.Clone(value); other[len(other)/2] ^= 1; return other },
		"short": func(value []byte) []byte { return value[:len(value)/2] },
	}
	faults := 0
	for key := range store.values {
		for name, damage := range damages {
			if len(store.values[key]) == 0 {
				continue
			}
			copied := store.copy()
			if value := damage(copied.values[key]); value == nil {
				delete(copied.values, key)
			} else {
				copied.values[key] = value
			}
			var hash common.Hash
			err := func() (err error) {
				chain, err := Open(file, copied, Options{})
				if err != nil {
					return err
				}
				block, _, err := chain.Build(head.Hash(), attributes)
				if err == nil {
					hash = block.Hash()
				}
				return err
			}()
			if err == nil {
				if hash != want {
					t.Fatalf("%s of %x: a block with another hash", name, key)
				}
				continue
			}
			faults++
			fault, ok := err.(*Error)
			if !ok || (fault.Code != StoreCorrupt && fault.Code != StoreForeign && fault.Code != UnknownBlock) {
				t.Fatalf("%s of %x: %v", name, key, err)
			}
		}
	}
	if faults < 20 {
		t.Fatalf("only %d faults were noticed", faults)
	}
}

func TestAStoreThatFails(t *testing.T) {
	accounts := testAccounts(6)
	file, store := testGenesis(testForks{}, accounts), newTestStore()
	b := newBuilder(t, open(t, file, store, Options{CacheBytes: 1}), accounts, 1)
	other := newBuilder(t, open(t, file, NewMemory(), Options{}), accounts, 1)
	for i := range 20 {
		head := b.head()
		a := b.randomBlock(head, 6)
		store.failAt = store.writes + 1
		_, _, err := b.chain.Build(head.Hash(), a)
		wantCode(t, err, StoreFailed, errDisk.Error())
		store.failAt = 0
		block := b.build(head.Hash(), a)
		next := b.randomBlock(block.Header(), 6)
		expected := other.build(head.Hash(), a)
		if block.Hash() != expected.Hash() {
			t.Fatalf("block %d differs after a failed write", i)
		}
		store.failAt = store.writes + 1
		wantCode(t, b.chain.SetHead(Heads{Head: block.Hash()}), StoreFailed)
		if b.head().Hash() != head.Hash() {
			t.Fatal("the head moved though its write failed")
		}
		store.failAt = -1
		faults := b.chain.Faults()
		_, _, err = b.chain.Build(block.Hash(), next)
		if err == nil || b.chain.FaultSince(faults) == nil || b.chain.FaultSince(faults).Code != StoreFailed {
			t.Fatalf("a store that cannot be read: %v", err)
		}
		store.failAt = 0
		b.setHead(block.Hash())
		other.setHead(block.Hash())
	}
}

// A panic within a build leaves an engine that goes on.
func TestAPanicOnTheWay(t *testing.T) {
	accounts := testAccounts(4)
	file, store := testGenesis(testForks{}, accounts), newTestStore()
	b := newBuilder(t, open(t, file, store, Options{}), accounts, 1)
	other := newBuilder(t, open(t, file, NewMemory(), Options{}), accounts, 1)
	for range 3 {
		a := b.randomBlock(b.head(), 6)
		store.before = func() { panic("a fault of the host") }
		func() {
			defer func() {
				if recover() == nil {
					t.Fatal("the panic was lost")
				}
			}()
			b.chain.Build(b.head().Hash(), a)
		}()
		store.before = nil
		if mine, theirs := b.grow1(a), other.grow1(a); mine.Hash() != theirs.Hash() {
			t.Fatal("the block differs after a panic")
		}
	}
}

// What a crash after any write leaves is a chain that goes on to the same hashes.
func TestCrashAfterEveryWrite(t *testing.T) {
	accounts := testAccounts(6)
	file, store := testGenesis(testForks{jovian: at(0)}, accounts), newTestStore()
	var crashes []*Memory
	store.after = func(int) { crashes = append(crashes, store.Memory.copy()) }
	b := newBuilder(t, open(t, file, store, Options{}), accounts, 1)
	type step struct {
		parent common.Hash
		a      *PayloadAttributes
		hash   common.Hash
	}
	var steps []step
	for range 8 {
		head := b.head()
		a := b.randomBlock(head, 6)
		block := b.grow1(a)
		steps = append(steps, step{head.Hash(), a, block.Hash()})
	}
	for i, crashed := range crashes {
		chain := open(t, file, crashed, Options{})
		for _, step := range steps {
			block, _, err := chain.Build(step.parent, step.a)
			if err != nil || block.Hash() != step.hash {
				t.Fatalf("after write %d: %v", i+1, err)
			}
			if err := chain.SetHead(Heads{Head: step.hash}); err != nil {
				t.Fatal(err)
			}
		}
	}
}
