// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/trie"
)

// Reads of every kind beside builds, heads and pruning: each gives what was true at some moment, or says that it is forgotten.
func TestReadsBesideBuilds(t *testing.T) {
	defer func(before uint64) { minGarbage = before }(minGarbage)
	defer func(before int) { sweepBytes = before }(sweepBytes)
	minGarbage, sweepBytes = 100, 20_000
	accounts := testAccounts(6)
	b := newBuilder(t, open(t, testGenesis(testForks{}, accounts), NewMemory(), Options{History: History{States: 4, Bodies: 8}}), accounts, 1)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for i := range 3 {
		readers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 0))
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := readSomething(b.chain, random, accounts); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 80 {
		b.grow(1, 4)
		if _, _, err := b.chain.Prune(time.Millisecond); err != nil {
			t.Error(err)
			break
		}
	}
	close(stop)
	readers.Wait()
	if fault := b.chain.FaultSince(0); fault != nil {
		t.Fatal(fault)
	}
}

func readSomething(chain *Chain, random *rand.Rand, accounts []testAccount) error {
	heads, err := chain.Heads()
	if err != nil {
		return err
	}
	head, err := chain.Header(heads.Head)
	if err != nil || head == nil {
		return errors.Join(errors.New("no head"), err)
	}
	number := head.Number.Uint64()
	hash, err := chain.CanonicalHash(number - min(number, random.Uint64N(12)))
	if err != nil {
		return err
	}
	header, err := chain.Header(hash)
	if err != nil || header == nil {
		return errors.Join(errors.New("no header"), err)
	}
	forgotten := func(err error) bool {
		var fault *Error
		return errors.As(err, &fault) && (fault.Code == StatePruned || fault.Code == HistoryPruned)
	}
	statedb, err := chain.State(header)
	if err == nil {
		for _, account := range accounts {
			statedb.GetBalance(account.address)
		}
		err = chain.StateFault(header, statedb.Error())
	}
	if err != nil && !forgotten(err) {
		return err
	}
	receipts, err := chain.Receipts(hash)
	if err != nil {
		if forgotten(err) {
			return nil
		}
		return err
	}
	block, err := chain.Block(hash)
	if err != nil {
		if forgotten(err) {
			return nil
		}
		return err
	}
	if len(receipts) != len(block.Transactions()) || types.DeriveSha(receipts, trie.NewStackTrie(nil)) != header.ReceiptHash {
		return errors.New("receipts of another block")
	}
	for _, tx := range block.Transactions() {
		if _, err := chain.Lookup(tx.Hash()); err != nil && !forgotten(err) {
			return err
		}
	}
	return nil
}
