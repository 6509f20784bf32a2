// SPDX-License-Identifier: LGPL-3.0-or-later

//go:build !js

// Package disk is an engine's store in a folder of its own: pebble, with each write synced.
package disk

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble"
	"github.com/cockroachdb/pebble/bloom"

	"opengine/engine"
)

const (
	cacheBytes    = 64 << 20
	memTableBytes = 16 << 20
)

// Store is an [engine.Store] on pebble.
type Store struct {
	db   *pebble.DB
	dead atomic.Pointer[engine.Error]
	open sync.RWMutex // held by whoever uses db: pebble panics when it is closed under a read
}

// Open opens the folder or makes it. Another process that holds it, or files that are none of pebble's, are STORE_FAILED or STORE_CORRUPT.
func Open(folder string) (store *Store, err error) {
	s := &Store{}
	defer s.caught(&err)
	cache := pebble.NewCache(cacheBytes)
	defer cache.Unref()
	levels := make([]pebble.LevelOptions, 7)
	for i := range levels {
		levels[i] = pebble.LevelOptions{TargetFileSize: 2 << 20 << i, FilterPolicy: bloom.FilterPolicy(10)}
	}
	// Nearly every read finds its key in the last level, where a filter would only take space.
	levels[6].FilterPolicy = nil
	s.db, err = pebble.Open(folder, &pebble.Options{
		Cache:                       cache,
		MemTableSize:                memTableBytes,
		MemTableStopWritesThreshold: 4,
		MaxOpenFiles:                256,
		MaxConcurrentCompactions:    func() int { return 2 },
		Levels:                      levels,
		Logger:                      logger{},
	})
	if err != nil {
		return nil, typed(err)
	}
	return s, nil
}

func typed(err error) error {
	code := engine.StoreFailed
	if errors.Is(err, pebble.ErrCorruption) {
		code = engine.StoreCorrupt
	}
	return &engine.Error{Code: code, Message: fmt.Sprintf("the store's database: %v", err)}
}

// logger makes pebble's end of the process, on a full disk for one, the end of this store only.
type logger struct{}

type fatal string

func (logger) Infof(string, ...any)              {}
func (logger) Errorf(string, ...any)             {}
func (logger) Fatalf(format string, args ...any) { panic(fatal(fmt.Sprintf(format, args...))) }

// caught is deferred around every use of pebble. After a fatal fault pebble holds locks for ever, so it is not asked again.
func (s *Store) caught(err *error) {
	switch fault := recover().(type) {
	case nil:
	case fatal:
		dead := &engine.Error{Code: engine.StoreFailed, Message: fmt.Sprintf("the store has failed and must be opened again: %s", string(fault))}
		s.dead.Store(dead)
		*err = dead
	default:
		panic(fault)
	}
}

func (s *Store) Get(key []byte) (value []byte, err error) {
	s.open.RLock()
	defer s.open.RUnlock()
	if dead := s.dead.Load(); dead != nil {
		return nil, dead
	}
	defer s.caught(&err)
	found, closer, err := s.db.Get(key)
	if err == pebble.ErrNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, typed(err)
	}
	defer closer.Close()
	return append([]byte{}, found...), nil
}

func (s *Store) Write(batch *engine.Batch) (err error) {
	s.open.RLock()
	defer s.open.RUnlock()
	if dead := s.dead.Load(); dead != nil {
		return dead
	}
	defer s.caught(&err)
	writes := s.db.NewBatchWithSize(len(batch.Packed) + 8*batch.Count)
	defer writes.Close()
	err = batch.Each(func(key, value []byte) error {
		if value == nil {
			return writes.Delete(key, nil)
		}
		return writes.Set(key, value, nil)
	})
	if err == nil {
		err = writes.Commit(pebble.Sync)
	}
	if err != nil {
		return typed(err)
	}
	return nil
}

func (s *Store) Scan(prefix, start []byte, maxBytes int) (pairs []engine.Pair, err error) {
	s.open.RLock()
	defer s.open.RUnlock()
	if dead := s.dead.Load(); dead != nil {
		return nil, dead
	}
	defer s.caught(&err)
	lower := prefix
	if string(start) > string(prefix) {
		lower = start
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: after(prefix)})
	if err != nil {
		return nil, typed(err)
	}
	size := 0
	for valid := it.First(); valid && (size <= maxBytes || len(pairs) == 0); valid = it.Next() {
		pair := engine.Pair{Key: append([]byte{}, it.Key()...), Value: append([]byte{}, it.Value()...)}
		pairs = append(pairs, pair)
		size += len(pair.Key) + len(pair.Value)
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return nil, typed(err)
	}
	return pairs, nil
}

// after is the lowest key behind all that begin with the prefix; nil: there is none.
func after(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			return append(append([]byte{}, prefix[:i]...), prefix[i]+1)
		}
	}
	return nil
}

func (s *Store) Close() (err error) {
	s.open.Lock()
	defer s.open.Unlock()
	if s.dead.Load() != nil {
		return nil
	}
	s.dead.Store(&engine.Error{Code: engine.StoreFailed, Message: "the store is closed"})
	defer s.caught(&err)
	return s.db.Close()
}

var _ engine.Store = (*Store)(nil)
