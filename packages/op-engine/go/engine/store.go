// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"bytes"
	"encoding/binary"
	"sort"
	"sync"
)

// Store is an ordered key-value store: a database of the host of a WebAssembly engine, pebble, or memory.
type Store interface {
	// Get returns a value that the caller may keep, nil where there is none.
	Get(key []byte) ([]byte, error)
	// Write applies all of the batch or nothing, and has it durable when it returns.
	Write(batch *Batch) error
	// Scan returns pairs of the keys that begin with prefix, from the key start on, ascending, of about maxBytes at most (but one
	// at least). None: there are no more.
	Scan(prefix, start []byte, maxBytes int) ([]Pair, error)
	Close() error
}

// Pair is a key and its value.
type Pair struct{ Key, Value []byte }

// Batch is a list of writes in the packed form of PROTOCOL.md, in ascending order of keys, each once.
type Batch struct {
	Packed []byte
	Count  int
}

const deleted = ^uint32(0)

// Put adds a pair.
func (b *Batch) Put(key []byte, value ...[]byte) {
	size := 0
	for _, part := range value {
		size += len(part)
	}
	b.head(key, uint32(size))
	for _, part := range value {
		b.Packed = append(b.Packed, part...)
	}
}

// Delete adds the removal of a key.
func (b *Batch) Delete(key []byte) { b.head(key, deleted) }

func (b *Batch) head(key []byte, size uint32) {
	b.Packed = binary.BigEndian.AppendUint32(b.Packed, uint32(len(key)))
	b.Packed = binary.BigEndian.AppendUint32(b.Packed, size)
	b.Packed = append(b.Packed, key...)
	b.Count++
}

// Each hands over the writes in order, a removal with a nil value; both slices belong to the batch.
func (b *Batch) Each(do func(key, value []byte) error) error {
	for rest := b.Packed; len(rest) > 0; {
		keySize, size := binary.BigEndian.Uint32(rest), binary.BigEndian.Uint32(rest[4:])
		key, value := rest[8:8+keySize], []byte(nil)
		rest = rest[8+keySize:]
		if size != deleted {
			value, rest = rest[:size:size], rest[size:]
		}
		if err := do(key, value); err != nil {
			return err
		}
	}
	return nil
}

// Unpack reads pairs in the packed form of PROTOCOL.md; ok is false for bytes that are none.
func Unpack(packed []byte) (pairs []Pair, ok bool) {
	for len(packed) > 0 {
		if len(packed) < 8 {
			return nil, false
		}
		keySize, size := uint64(binary.BigEndian.Uint32(packed)), uint64(binary.BigEndian.Uint32(packed[4:]))
		packed = packed[8:]
		if keySize+size > uint64(len(packed)) {
			return nil, false
		}
		pairs = append(pairs, Pair{packed[:keySize:keySize], packed[keySize : keySize+size : keySize+size]})
		packed = packed[keySize+size:]
	}
	return pairs, true
}

// Memory is a [Store] that ends with the process.
type Memory struct {
	mu     sync.RWMutex
	values map[string][]byte
	// keys in order, made when a scan needs them and dropped by a write that adds or removes one
	keys []string
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{values: map[string][]byte{}} }

func (m *Memory) Get(key []byte) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.values[string(key)], nil
}

func (m *Memory) Write(batch *Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return batch.Each(func(key, value []byte) error {
		if value == nil {
			delete(m.values, string(key))
			return nil // a scan passes over keys that are gone
		}
		if _, known := m.values[string(key)]; !known {
			m.keys = nil
		}
		m.values[string(key)] = bytes.Clone(value)
		return nil
	})
}

func (m *Memory) Scan(prefix, start []byte, maxBytes int) ([]Pair, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys == nil {
		m.keys = make([]string, 0, len(m.values))
		for key := range m.values {
			m.keys = append(m.keys, key)
		}
		sort.Strings(m.keys)
	}
	from := string(prefix)
	if string(start) > from {
		from = string(start)
	}
	var pairs []Pair
	size := 0
	for _, key := range m.keys[sort.SearchStrings(m.keys, from):] {
		if !bytes.HasPrefix([]byte(key), prefix) || (len(pairs) > 0 && size > maxBytes) {
			break
		}
		if value, ok := m.values[key]; ok {
			pairs = append(pairs, Pair{[]byte(key), value})
			size += len(key) + len(value)
		}
	}
	return pairs, nil
}

func (m *Memory) Close() error { return nil }
