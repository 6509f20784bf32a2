// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"encoding/binary"
	"errors"
	"sort"
	"sync/atomic"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethdb"
)

// Keys of a store, by their first byte. Letters are geth's rawdb schema; see prune.go for why a node carries a tag.
const (
	nodePrefix   = 0x00 // + hash of a trie node → node, tag of 5 bytes
	recordPrefix = 0x01 // + name → a record of ours, see records.go
)

const tagSize = 5

// database is geth's view of a [Store]. What is written is held back until flush, so that a block is one atomic write. Reads may
// come from many goroutines, writes from one.
type database struct {
	store   Store
	pending map[string][]byte // by geth's key; nil: deleted

	// The last fault of the store, because geth's accessors swallow errors: a block that cannot be read looks like one that is
	// not there. Who answers a request looks here first.
	fault  atomic.Pointer[Error]
	faults atomic.Uint64
}

func newDatabase(store Store) *database {
	return &database{store: store, pending: map[string][]byte{}}
}

var errNotFound = errors.New("not found")

func storeKey(key []byte) []byte {
	if len(key) == common.HashLength {
		return append([]byte{nodePrefix}, key...)
	}
	return key
}

// Get passes over what is pending: nobody may see a block that the disk does not have. What is named by its hash is held against
// it: a disk that rots is noticed here and not by a wrong state root.
func (d *database) Get(key []byte) ([]byte, error) {
	value, err := d.store.Get(storeKey(key))
	if err != nil {
		return nil, d.failed(storeFault("read", err))
	}
	if value == nil {
		return nil, errNotFound
	}
	switch {
	case len(key) == common.HashLength:
		if len(value) < tagSize || crypto.Keccak256Hash(value[:len(value)-tagSize]) != common.Hash(key) {
			return nil, d.failed(fail(StoreCorrupt, "the trie node %x of the store is damaged", key))
		}
		value = value[: len(value)-tagSize : len(value)-tagSize]
	case len(key) == 1+common.HashLength && key[0] == 'c':
		if crypto.Keccak256Hash(value) != common.Hash(key[1:]) {
			return nil, d.failed(fail(StoreCorrupt, "the contract code %x of the store is damaged", key[1:]))
		}
	}
	return value, nil
}

// storeFault keeps an error of the store that has a code.
func storeFault(what string, err error) *Error {
	var fault *Error
	if errors.As(err, &fault) {
		return fault
	}
	return fail(StoreFailed, "the store could not be %s: %v", what, err)
}

func (d *database) failed(err *Error) error {
	d.fault.Store(err)
	d.faults.Add(1)
	return err
}

func (d *database) Has(key []byte) (bool, error) {
	_, err := d.Get(key)
	if err == errNotFound {
		return false, nil
	}
	return err == nil, err
}

func (d *database) Put(key, value []byte) error {
	d.pending[string(key)] = append([]byte{}, value...)
	return nil
}

func (d *database) Delete(key []byte) error {
	d.pending[string(key)] = nil
	return nil
}

// pendingNodes counts the trie nodes that a flush would write.
func (d *database) pendingNodes() (count uint64) {
	for key := range d.pending {
		if len(key) == common.HashLength {
			count++
		}
	}
	return count
}

// flush writes what is pending in one batch. On an error nothing is written and nothing is pending.
func (d *database) flush(tag uint64) error {
	pending := d.pending
	if len(pending) == 0 {
		return nil
	}
	defer d.discard()
	keys := make([]string, 0, len(pending))
	for key := range pending {
		keys = append(keys, string(storeKey([]byte(key))))
	}
	sort.Strings(keys)
	batch := &Batch{}
	for _, key := range keys {
		if key[0] == nodePrefix {
			var eight [8]byte
			binary.BigEndian.PutUint64(eight[:], tag)
			batch.Put([]byte(key), pending[key[1:]], eight[8-tagSize:])
		} else if value := pending[key]; value == nil {
			batch.Delete([]byte(key))
		} else {
			batch.Put([]byte(key), value)
		}
	}
	if err := d.store.Write(batch); err != nil {
		return d.failed(storeFault("written", err))
	}
	return nil
}

// discard forgets what is pending.
func (d *database) discard() {
	d.pending = map[string][]byte{}
}

func (d *database) NewBatch() ethdb.Batch                  { return &batch{to: d} }
func (d *database) NewBatchWithSize(int) ethdb.Batch       { return &batch{to: d} }
func (d *database) Stat() (string, error)                  { return "", nil }
func (d *database) SyncKeyValue() error                    { return nil }
func (d *database) Compact(_, _ []byte) error              { return nil }
func (d *database) Close() error                           { return nil }
func (d *database) DeleteRange(_, _ []byte) error          { return errors.ErrUnsupported }
func (d *database) NewIterator(_, _ []byte) ethdb.Iterator { return nothing{} }

// nothing is the iterator of a database that has none: geth asks for one only in work that this engine does not do.
type nothing struct{}

func (nothing) Next() bool    { return false }
func (nothing) Error() error  { return errors.ErrUnsupported }
func (nothing) Key() []byte   { return nil }
func (nothing) Value() []byte { return nil }
func (nothing) Release()      {}

// batch collects writes for the database, as geth's trie database wants to.
type batch struct {
	to     *database
	writes []Pair // a nil value deletes
	size   int
}

func (b *batch) Put(key, value []byte) error {
	b.writes = append(b.writes, Pair{append([]byte{}, key...), append([]byte{}, value...)})
	b.size += len(key) + len(value)
	return nil
}

func (b *batch) Delete(key []byte) error {
	b.writes = append(b.writes, Pair{append([]byte{}, key...), nil})
	b.size += len(key)
	return nil
}

func (b *batch) DeleteRange(_, _ []byte) error { return errors.ErrUnsupported }
func (b *batch) ValueSize() int                { return b.size }
func (b *batch) Reset()                        { b.writes, b.size = b.writes[:0], 0 }
func (b *batch) Close()                        {}

func (b *batch) Write() error {
	for _, write := range b.writes {
		b.to.pending[string(write.Key)] = write.Value
	}
	return nil
}

func (b *batch) Replay(w ethdb.KeyValueWriter) error {
	for _, write := range b.writes {
		var err error
		if write.Value == nil {
			err = w.Delete(write.Key)
		} else {
			err = w.Put(write.Key, write.Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
