// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"encoding/binary"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/ethereum/go-ethereum/trie"
)

// States are forgotten by mark and sweep. Let k be the oldest block whose state is kept. Everything reachable from its root is
// marked; then every trie node goes that is not marked and was last written at or below k.
//
// Why that is right: a node that a later state has and the state of k has not was new in some block above k, and a block writes
// all nodes that are new in it, even such as lie in the store already. Each write tags the node with the highest number of a
// block so far, which only rises, so that such a node's tag is above k, and no block built afterwards on a branch lowers it. Blocks
// that do not descend from k are forgotten with it, before the first node goes.
//
// A cycle costs a pass over the kept state and one over the store. It begins when as many nodes were written as the state had at
// the last one, which makes it a bounded number of steps for each node that is written. It is done in pieces; if the process ends
// between two, the next one begins the cycle again. What is no longer readable is on record before anything is deleted.

var (
	// minGarbage is how many nodes must have been written since the last cycle for a small state.
	minGarbage uint64 = 4096
	// sweepBytes is how much of the store one step of a scan looks at.
	sweepBytes = 1 << 20
)

// bodiesAtOnce bounds one write of forgotten transactions and receipts.
const bodiesAtOnce = 64

// pruning is a cycle that is under way.
type pruning struct {
	target  uint64
	written uint64 // nodes of all blocks when it began
	marks   marks
	live    uint64
	stack   []visit
	side    []byte // where the look for blocks off the chain goes on; nil: it has ended
	node    []byte // where the sweep goes on
}

// visit is a node that is still to be marked.
type visit struct {
	hash    common.Hash
	account bool // of the trie of accounts, whose leaves have storage
}

// Prune works for about the budget at forgetting what the history no longer keeps. It says whether nothing is left to do for now, and how many
// pairs of the store were deleted.
func (c *Chain) Prune(budget time.Duration) (done bool, deleted int, err error) {
	if c.options.ReadOnly {
		return false, 0, fail(ReadOnly, "a read-only engine prunes nothing")
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	defer c.db.discard()
	finished := false
	defer func() {
		if !finished { // after an error or a panic the cycle begins again
			c.pruning = nil
		}
	}()
	until := time.Now().Add(budget)
	heads, err := c.Heads()
	if err != nil {
		return false, 0, err
	}
	if heads.Finalized == (common.Hash{}) {
		finished = true
		return true, 0, nil
	}
	finalized, err := c.known("finalized", heads.Finalized)
	if err != nil {
		return false, 0, err
	}
	done, deleted, err = c.pruneBodies(finalized.Number.Uint64(), until)
	if err != nil || !done {
		finished = err == nil
		return false, deleted, err
	}
	done, swept, err := c.pruneStates(finalized.Number.Uint64(), until)
	finished = err == nil
	return done, deleted + swept, err
}

// pruneBodies forgets transactions and receipts of old blocks, and where those transactions are.
func (c *Chain) pruneBodies(finalized uint64, until time.Time) (done bool, deleted int, err error) {
	if c.options.History.Bodies == 0 || finalized <= c.options.History.Bodies {
		return true, 0, nil
	}
	target := finalized - c.options.History.Bodies
	for {
		kept, err := c.kept()
		if err != nil {
			return false, deleted, err
		}
		if kept.Bodies >= target {
			return true, deleted, nil
		}
		from := kept.Bodies
		kept.Bodies = min(target, from+bodiesAtOnce)
		for number := from; number < kept.Bodies; number++ {
			if err := c.forgetBodies(number); err != nil {
				return false, deleted, err
			}
		}
		count := len(c.db.pending)
		c.db.putRecord(keyKept, kept)
		if err := c.db.flush(0); err != nil {
			return false, deleted, err
		}
		deleted += count
		c.blocks.Purge()
		c.builds.Purge()
		if time.Now().After(until) {
			return kept.Bodies >= target, deleted, nil
		}
	}
}

func (c *Chain) forgetBodies(number uint64) error {
	canonical, err := c.CanonicalHash(number)
	if err != nil {
		return err
	}
	bodies, err := c.scanAll(binary.BigEndian.AppendUint64([]byte{'b'}, number))
	if err != nil {
		return err
	}
	for _, pair := range bodies {
		hash := common.BytesToHash(pair.Key[9:])
		if hash == canonical {
			body := new(types.Body)
			if err := rlp.DecodeBytes(pair.Value, body); err != nil {
				return c.db.failed(fail(StoreCorrupt, "the transactions of block %s in the store are damaged", hash))
			}
			for _, tx := range body.Transactions {
				rawdb.DeleteTxLookupEntry(c.db, tx.Hash())
			}
		}
		rawdb.DeleteBody(c.db, hash, number)
		rawdb.DeleteReceipts(c.db, hash, number)
	}
	return nil
}

func (c *Chain) scanAll(prefix []byte) (all []Pair, err error) {
	for start := prefix; ; {
		pairs, err := c.scan(prefix, start)
		if err != nil || len(pairs) == 0 {
			return all, err
		}
		all = append(all, pairs...)
		start = next(pairs)
	}
}

func (c *Chain) scan(prefix, start []byte) ([]Pair, error) {
	pairs, err := c.db.store.Scan(prefix, start, sweepBytes)
	if err != nil {
		return nil, c.db.failed(storeFault("read", err))
	}
	if prefix[0] == nodePrefix {
		return pairs, nil // whole, with their tags: who sweeps does not look into nodes
	}
	for i := range pairs {
		if pairs[i].Value, err = c.db.checked(pairs[i].Key, pairs[i].Value); err != nil {
			return nil, err
		}
	}
	return pairs, nil
}

// next is where a scan goes on: the first key that may be behind the last one.
func next(pairs []Pair) []byte {
	return append(append([]byte{}, pairs[len(pairs)-1].Key...), 0)
}

func (c *Chain) pruneStates(finalized uint64, until time.Time) (done bool, deleted int, err error) {
	if c.pruning == nil {
		begun, count, err := c.beginCycle(finalized)
		if err != nil || !begun {
			return true, count, err
		}
		deleted += count
	}
	cycle := c.pruning
	for len(cycle.stack) > 0 {
		if err := c.mark(cycle); err != nil {
			return false, deleted, err
		}
		if cycle.live%64 == 0 && time.Now().After(until) {
			return false, deleted, nil
		}
	}
	for cycle.side != nil {
		count, err := c.forgetSideBlocks(cycle)
		if err != nil {
			return false, deleted, err
		}
		if deleted += count; time.Now().After(until) {
			return false, deleted, nil
		}
	}
	for {
		count, ended, err := c.sweep(cycle)
		if err != nil {
			return false, deleted, err
		}
		deleted += count
		if ended {
			break
		}
		if time.Now().After(until) {
			return false, deleted, nil
		}
	}
	kept, err := c.kept()
	if err != nil {
		return false, deleted, err
	}
	kept.Swept, kept.Live, kept.Written = cycle.target, cycle.live, cycle.written
	c.db.putRecord(keyKept, kept)
	if err := c.db.flush(0); err != nil {
		return false, deleted, err
	}
	c.pruning = nil
	return true, deleted, nil
}

// beginCycle decides whether a cycle is due, and if so has what it will forget on record: from then on nobody reads it.
func (c *Chain) beginCycle(finalized uint64) (begun bool, deleted int, err error) {
	kept, err := c.kept()
	if err != nil {
		return false, 0, err
	}
	unfinished := kept.Swept < kept.States
	target := kept.States
	if history := c.options.History.States; history > 0 && finalized > history {
		target = max(target, finalized-history)
	}
	garbage := c.nodes.Written - kept.Written
	if !unfinished && (target == kept.States || garbage < max(kept.Live, minGarbage)) {
		return false, 0, nil
	}
	hash, err := c.CanonicalHash(target)
	if err != nil {
		return false, 0, err
	}
	oldest, err := c.known("oldest kept block", hash)
	if err != nil {
		return false, 0, err
	}
	if deleted, err = c.forgetOffspring(target, hash); err != nil {
		return false, 0, err
	}
	kept.States = target
	c.db.putRecord(keyKept, kept)
	if err := c.db.flush(0); err != nil {
		return false, 0, err
	}
	c.headers.Purge()
	c.blocks.Purge()
	c.builds.Purge()
	c.pruning = &pruning{
		target:  target,
		written: c.nodes.Written,
		marks:   newMarks(kept.Live + garbage),
		side:    binary.BigEndian.AppendUint64([]byte{'h'}, kept.Swept),
		node:    []byte{nodePrefix},
	}
	if oldest.Root != types.EmptyRootHash {
		c.pruning.stack = []visit{{oldest.Root, true}}
	}
	return true, deleted, nil
}

// forgetOffspring puts the deletion of every block from this number on that does not descend from the chain's block there.
func (c *Chain) forgetOffspring(number uint64, canonical common.Hash) (deleted int, err error) {
	dead := map[common.Hash]bool{}
	for at := number; at == number || len(dead) > 0; at++ {
		pairs, err := c.scanAll(binary.BigEndian.AppendUint64([]byte{'h'}, at))
		if err != nil {
			return 0, err
		}
		dying := map[common.Hash]bool{}
		for _, pair := range pairs {
			if len(pair.Key) != 9+common.HashLength {
				continue
			}
			header := new(types.Header)
			if err := rlp.DecodeBytes(pair.Value, header); err != nil {
				return 0, c.db.failed(fail(StoreCorrupt, "a header of number %d in the store is damaged", at))
			}
			hash := common.BytesToHash(pair.Key[9:])
			if (at == number && hash != canonical) || dead[header.ParentHash] {
				dying[hash] = true
				rawdb.DeleteBlock(c.db, hash, at)
				deleted++
			}
		}
		dead = dying
	}
	return deleted, nil
}

// mark marks one node and puts what it leads to on the stack.
func (c *Chain) mark(cycle *pruning) error {
	at := cycle.stack[len(cycle.stack)-1]
	cycle.stack = cycle.stack[:len(cycle.stack)-1]
	node, err := c.db.Get(at.hash[:])
	if err == errNotFound {
		err = c.db.failed(fail(StoreCorrupt, "the store has lost the trie node %s of the state of block %d", at.hash, cycle.target))
	}
	if err != nil {
		return err
	}
	cycle.marks.add(at.hash)
	cycle.live++
	cycle.stack = append(cycle.stack, children(node, at.account)...)
	return nil
}

// children are the nodes that a node names: those below it, or the root of an account's storage.
func children(node []byte, account bool) (visits []visit) {
	if account {
		if storage, leaf := storageRoot(node); leaf {
			if storage != types.EmptyRootHash {
				visits = append(visits, visit{storage, false})
			}
			return visits
		}
	}
	trie.ForGatherChildren(node, func(child common.Hash) { visits = append(visits, visit{child, account}) })
	return visits
}

// storageRoot reads a leaf of the trie of accounts. An account is never so short that its leaf lies within another node.
func storageRoot(node []byte) (root common.Hash, leaf bool) {
	content, _, err := rlp.SplitList(node)
	if err != nil {
		return root, false
	}
	if count, err := rlp.CountValues(content); err != nil || count != 2 {
		return root, false
	}
	path, rest, err := rlp.SplitString(content)
	if err != nil || len(path) == 0 || path[0]&0x20 == 0 { // hex prefix: the second bit says leaf
		return root, false
	}
	value, _, err := rlp.SplitString(rest)
	if err != nil {
		return root, false
	}
	account := new(types.StateAccount)
	if err := rlp.DecodeBytes(value, account); err != nil {
		return root, false
	}
	return account.Root, true
}

// forgetSideBlocks deletes blocks below the target that are not of the chain, some at a time.
func (c *Chain) forgetSideBlocks(cycle *pruning) (deleted int, err error) {
	pairs, err := c.scan([]byte{'h'}, cycle.side)
	if err != nil {
		return 0, err
	}
	if len(pairs) == 0 {
		cycle.side = nil
		return 0, nil
	}
	cycle.side = next(pairs)
	for _, pair := range pairs {
		if len(pair.Key) != 9+common.HashLength {
			continue
		}
		number, hash := binary.BigEndian.Uint64(pair.Key[1:]), common.BytesToHash(pair.Key[9:])
		if number >= cycle.target {
			cycle.side = nil
			break
		}
		canonical, err := c.CanonicalHash(number)
		if err != nil {
			return 0, err
		}
		if hash != canonical {
			rawdb.DeleteBlock(c.db, hash, number)
			deleted++
		}
	}
	return deleted, c.db.flush(0)
}

// sweep deletes the nodes of a stretch of the store that are neither marked nor younger than the target.
func (c *Chain) sweep(cycle *pruning) (deleted int, ended bool, err error) {
	pairs, err := c.scan([]byte{nodePrefix}, cycle.node)
	if err != nil {
		return 0, false, err
	}
	if len(pairs) == 0 {
		return 0, true, nil
	}
	cycle.node = next(pairs)
	for _, pair := range pairs {
		if len(pair.Key) != 1+common.HashLength || len(pair.Value) < tagSize {
			return 0, false, c.db.failed(fail(StoreCorrupt, "the trie node %x of the store is damaged", pair.Key))
		}
		hash := common.BytesToHash(pair.Key[1:])
		if tagOf(pair.Value) <= cycle.target && !cycle.marks.has(hash) {
			c.db.Delete(hash[:])
			deleted++
		}
	}
	return deleted, false, c.db.flush(0)
}
