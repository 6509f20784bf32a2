// SPDX-License-Identifier: LGPL-3.0-or-later

// Package engine is op-geth's state transition with a chain around it: blocks built on any known parent, heads, a store, pruning.
package engine

import (
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/lru"
	"github.com/ethereum/go-ethereum/consensus"
	"github.com/ethereum/go-ethereum/consensus/beacon"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/triedb"
	"github.com/ethereum/go-ethereum/triedb/hashdb"
)

// Options of [Open].
type Options struct {
	// History is what stays readable behind the finalized block.
	History History
	// ReadOnly makes a chain that never writes: a second instance over the store of one that does.
	ReadOnly bool
	// CacheBytes holds trie nodes that were read or written last. Defaults to 16 MiB.
	CacheBytes int
}

// History counts blocks behind the finalized one; 0 keeps all.
type History struct {
	// States is for how many the state can be read and proved.
	States uint64 `json:"states"`
	// Bodies is for how many the transactions and receipts can be read. Headers are kept for ever.
	Bodies uint64 `json:"bodies"`
}

const (
	defaultCacheBytes = 16 << 20
	cachedHeaders     = 1024 // more than BLOCKHASH walks
	cachedBlocks      = 128
	cachedBuilds      = 128
)

// Chain is a chain over a store. Build, SetHead, Prune and Close take turns; everything of [Reader] may run beside them.
type Chain struct {
	config    *params.ChainConfig
	unknown   []fork
	genesis   common.Hash
	options   Options
	consensus consensus.Engine
	db        *database

	writing sync.Mutex // held by whoever writes
	nodes   nodesRecord
	pruning *pruning

	mu     sync.RWMutex // of states
	states *state.CachingDB

	headers *lru.Cache[common.Hash, *types.Header]
	blocks  *lru.Cache[common.Hash, *types.Block]
	builds  *lru.Cache[common.Hash, common.Hash] // digest of what was asked for → block
}

// Open opens the chain of a store, or begins it there, from a genesis file in geth's JSON.
//
// It gives GENESIS_INVALID, FORK_UNSUPPORTED, STORE_FOREIGN, STORE_CORRUPT, STORE_FAILED, or READ_ONLY where a chain would have to be begun.
func Open(file []byte, store Store, options Options) (*Chain, error) {
	if options.CacheBytes == 0 {
		options.CacheBytes = defaultCacheBytes
	}
	c := &Chain{
		options:   options,
		consensus: beacon.New(nil),
		db:        newDatabase(store),
		headers:   lru.NewCache[common.Hash, *types.Header](cachedHeaders),
		blocks:    lru.NewCache[common.Hash, *types.Block](cachedBlocks),
		builds:    lru.NewCache[common.Hash, common.Hash](cachedBuilds),
	}
	c.forgetStates()
	if err := c.open(file); err != nil {
		return nil, err
	}
	return c, nil
}

// Beside is the same chain for whoever reads while another writes: what it remembers is shared, the faults of the store are told apart. A
// stranger who asks for what is damaged does not make a block fail that is being built meanwhile. It is closed with the chain.
func (c *Chain) Beside() *Chain {
	beside := &Chain{
		config:    c.config,
		unknown:   c.unknown,
		genesis:   c.genesis,
		options:   c.options,
		consensus: c.consensus,
		db:        newDatabase(c.db.store),
		headers:   c.headers,
		blocks:    c.blocks,
		builds:    c.builds,
	}
	beside.options.ReadOnly = true
	beside.forgetStates()
	return beside
}

// stateDatabase is what states are read from and committed to.
func (c *Chain) stateDatabase() *state.CachingDB {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.states
}

// forgetStates begins with no trie node in memory.
func (c *Chain) forgetStates() {
	tries := triedb.NewDatabase(rawdb.NewDatabase(c.db), &triedb.Config{HashDB: &hashdb.Config{CleanCacheSize: c.options.CacheBytes}})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.states != nil {
		c.states.TrieDB().Close()
	}
	c.states = state.NewDatabase(tries, nil)
}

// Faults counts the faults of the store so far; [Chain.FaultSince] tells what befell it after a count.
func (c *Chain) Faults() uint64 { return c.db.faults.Load() }

// FaultSince returns the last fault of the store if there was one since a count. Geth's code takes a value that cannot be read for
// one that is not there, so an answer is worth nothing when this is not nil.
func (c *Chain) FaultSince(count uint64) *Error {
	if c.db.faults.Load() == count {
		return nil
	}
	return c.db.fault.Load()
}

// Close releases the store.
func (c *Chain) Close() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.stateDatabase().TrieDB().Close()
	return c.db.store.Close()
}
