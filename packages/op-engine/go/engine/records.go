// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"encoding/json"

	"github.com/ethereum/go-ethereum/common"
)

// Records of ours in a store, beside geth's schema. JSON, because a person with a broken store will look at them.
var (
	keyFormat = append([]byte{recordPrefix}, "format"...)
	keyChain  = append([]byte{recordPrefix}, "chain"...)
	keyHeads  = append([]byte{recordPrefix}, "heads"...)
	keyNodes  = append([]byte{recordPrefix}, "nodes"...)
	keyKept   = append([]byte{recordPrefix}, "kept"...)
)

// storeFormat is raised when a store of before can no longer be read.
const storeFormat = 1

// formatRecord is the first thing written to an empty store: a store without it belongs to somebody else.
type formatRecord struct {
	Format int `json:"format"`
}

// chainRecord is the last thing written when a chain begins: without it the genesis was not finished.
type chainRecord struct {
	Genesis common.Hash `json:"genesis"`
	// File is the SHA-256 of the genesis file: the same file needs no second look.
	File   common.Hash     `json:"file"`
	Config json.RawMessage `json:"config"`
}

// Heads names the blocks a chain ends in; the zero hash is one that is not set.
type Heads struct {
	Head      common.Hash `json:"head"`
	Safe      common.Hash `json:"safe"`
	Finalized common.Hash `json:"finalized"`
}

// nodesRecord is written with each block; see prune.go.
type nodesRecord struct {
	// Highest number of a block that was ever built: the tag of the next nodes is never lower.
	Highest uint64 `json:"highest"`
	// Written counts the trie nodes of all blocks.
	Written uint64 `json:"written"`
}

// keptRecord says what was forgotten. It is written before anything is deleted.
type keptRecord struct {
	// States of blocks below this number are gone or may be.
	States uint64 `json:"states"`
	// Bodies and receipts of blocks below this number are gone or may be.
	Bodies uint64 `json:"bodies"`
	// Swept is the number of the states whose sweep has ended: below States while one is under way.
	Swept uint64 `json:"swept"`
	// Live counts the nodes of the oldest kept state at the last sweep, Written the nodes of all blocks then.
	Live    uint64 `json:"live"`
	Written uint64 `json:"written"`
}

func (d *database) record(key []byte, into any) (bool, error) {
	value, err := d.Get(key)
	if err == errNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(value, into); err != nil {
		return false, d.failed(fail(StoreCorrupt, "the record %q of the store is damaged", key[1:]))
	}
	return true, nil
}

func (d *database) putRecord(key []byte, record any) {
	value, err := json.Marshal(record)
	if err != nil {
		panic(err)
	}
	d.Put(key, value)
}
