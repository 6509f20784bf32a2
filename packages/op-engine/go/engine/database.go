// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"sort"
	"sync/atomic"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethdb"
)

// Keys of a store, by their first byte. Letters are geth's rawdb schema; prune.go says why a node carries a tag.
const (
	nodePrefix   = 0x00 // + hash of a trie node → node, tag of 5 bytes
	codePrefix   = 'c'  // + hash of a contract's code → code
	recordPrefix = 0x01 // + name → a record of ours, see records.go
)

// A value ends in what it is held against when it is read: a disk that rots is noticed here and not by a wrong state root. Nodes and
// code are named by their hash; everything else has a checksum over key and value.
const (
	tagSize      = 5
	checksumSize = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(key, value []byte) []byte {
	return binary.BigEndian.AppendUint32(nil, crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value))
}

func tagBytes(tag uint64) []byte {
	return binary.BigEndian.AppendUint64(nil, tag)[8-tagSize:]
}

func tagOf(value []byte) (tag uint64) {
	for _, b := range value[len(value)-tagSize:] {
		tag = tag<<8 | uint64(b)
	}
	return tag
}

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

// Get passes over what is pending: nobody may see a block that the disk does not have.
func (d *database) Get(key []byte) ([]byte, error) {
	stored := storeKey(key)
	value, err := d.store.Get(stored)
	if err != nil {
		return nil, d.failed(storeFault("read", err))
	}
	if value == nil {
		return nil, errNotFound
	}
	return d.checked(stored, value)
}

// checked takes the end off a value of the store and holds the rest against it.
func (d *database) checked(key, value []byte) ([]byte, error) {
	switch {
	case key[0] == nodePrefix:
		if end := len(value) - tagSize; end >= 0 && crypto.Keccak256Hash(value[:end]) == common.BytesToHash(key[1:]) {
			return value[:end:end], nil
		}
	case key[0] == codePrefix:
		if crypto.Keccak256Hash(value) == common.BytesToHash(key[1:]) {
			return value, nil
		}
	default:
		if end := len(value) - checksumSize; end >= 0 && bytes.Equal(checksum(key, value[:end]), value[end:]) {
			return value[:end:end], nil
		}
	}
	return nil, d.failed(fail(StoreCorrupt, "the value of the store at the key %q is damaged", key))
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
		geth := key
		if key[0] == nodePrefix {
			geth = key[1:]
		}
		switch value := pending[geth]; {
		case value == nil:
			batch.Delete([]byte(key))
		case key[0] == nodePrefix:
			batch.Put([]byte(key), value, tagBytes(tag))
		case key[0] == codePrefix:
			batch.Put([]byte(key), value)
		default:
			batch.Put([]byte(key), value, checksum([]byte(key), value))
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
