// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/types"
)

// SetHead makes a block the head, and rewrites which blocks and transactions are of the chain if it is not on the chain so far.
// Safe and finalized, where they are set, must be of that chain.
//
// It gives UNKNOWN_BLOCK, FORKCHOICE, STATE_PRUNED for a head whose state is forgotten, STORE_FAILED, STORE_CORRUPT or READ_ONLY.
func (c *Chain) SetHead(heads Heads) error {
	if c.options.ReadOnly {
		return fail(ReadOnly, "a read-only engine moves no head")
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	before, err := c.Heads()
	if err != nil {
		return err
	}
	if heads == before {
		return nil
	}
	head, err := c.known("head", heads.Head)
	if err != nil {
		return err
	}
	kept, err := c.kept()
	if err != nil {
		return err
	}
	if head.Number.Uint64() < kept.States {
		return statePruned(head, kept)
	}
	joined, err := c.pathTo(head)
	if err != nil {
		return err
	}
	for _, named := range []struct {
		name string
		hash common.Hash
	}{{"safe", heads.Safe}, {"finalized", heads.Finalized}} {
		if err := c.checkAncestor(named.name, named.hash, head, joined); err != nil {
			return err
		}
	}
	defer c.db.discard()
	if err := c.rewrite(before.Head, head, joined); err != nil {
		return err
	}
	c.db.putRecord(keyHeads, heads)
	return c.db.flush(0)
}

func (c *Chain) known(name string, hash common.Hash) (*types.Header, error) {
	header, err := c.Header(hash)
	if err == nil && header == nil {
		err = fail(UnknownBlock, "the %s %s is not known", name, hash)
	}
	return header, err
}

// pathTo lists the blocks from head down that are not of the chain so far, head first.
func (c *Chain) pathTo(head *types.Header) (joined []*types.Header, err error) {
	for at := head; ; {
		canonical, err := c.CanonicalHash(at.Number.Uint64())
		if err != nil {
			return nil, err
		}
		if canonical == at.Hash() {
			return joined, nil
		}
		joined = append(joined, at)
		parent, err := c.Header(at.ParentHash)
		if err != nil {
			return nil, err
		}
		if parent == nil {
			return nil, c.db.failed(fail(StoreCorrupt, "block %s is missing in the store, the parent of block %d", at.ParentHash, at.Number))
		}
		at = parent
	}
}

// checkAncestor wants a block to be head or below it on its chain, of which joined are the blocks that are new.
func (c *Chain) checkAncestor(name string, hash common.Hash, head *types.Header, joined []*types.Header) error {
	if hash == (common.Hash{}) {
		return nil
	}
	header, err := c.known(name, hash)
	if err != nil {
		return err
	}
	number := header.Number.Uint64()
	if number <= head.Number.Uint64() {
		if above := head.Number.Uint64() - number; above < uint64(len(joined)) {
			if joined[above].Hash() == hash {
				return nil
			}
		} else if canonical, err := c.CanonicalHash(number); err != nil || canonical == hash {
			return err
		}
	}
	return fail(Forkchoice, "%s block %d (%s) not in the chain of the head %d (%s)", name, number, hash, head.Number, head.Hash())
}

// rewrite moves the index of numbers and transactions from the chain of one head to that of another.
func (c *Chain) rewrite(from common.Hash, head *types.Header, joined []*types.Header) error {
	old, err := c.known("head", from)
	if err != nil {
		return err
	}
	fork := head.Number.Uint64() - uint64(len(joined)) // the highest block that stays
	for number := old.Number.Uint64(); number > fork; number-- {
		hash, err := c.CanonicalHash(number)
		if err != nil {
			return err
		}
		block, err := c.Block(hash)
		if err != nil {
			return err
		}
		if block == nil {
			return c.db.failed(fail(StoreCorrupt, "block %d of the chain is missing in the store", number))
		}
		for _, tx := range block.Transactions() {
			rawdb.DeleteTxLookupEntry(c.db, tx.Hash())
		}
		rawdb.DeleteCanonicalHash(c.db, number)
	}
	for i := len(joined) - 1; i >= 0; i-- {
		hash := joined[i].Hash()
		block, err := c.Block(hash)
		if err != nil {
			return err
		}
		rawdb.WriteCanonicalHash(c.db, hash, block.NumberU64())
		rawdb.WriteTxLookupEntriesByBlock(c.db, block)
	}
	return nil
}
