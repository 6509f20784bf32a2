// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"encoding/binary"
	"math/bits"

	"github.com/ethereum/go-ethereum/common"
)

// marks is a set of hashes that may take a few others for its own (about 0.5 % of them, at two bytes for each that is in it): a
// Bloom filter whose probes are the hashes themselves, which are as good as random.
type marks []uint64

const bitsPerMark = 16

func newMarks(expected uint64) marks {
	return make(marks, 1+max(expected, 4096)*bitsPerMark/64)
}

func (m marks) probe(hash common.Hash, do func(word uint64, bit uint64) bool) bool {
	for i := 0; i < 24; i += 8 {
		at, _ := bits.Mul64(binary.BigEndian.Uint64(hash[i:]), uint64(len(m))*64)
		if !do(at/64, 1<<(at%64)) {
			return false
		}
	}
	return true
}

func (m marks) add(hash common.Hash) {
	m.probe(hash, func(word, bit uint64) bool { m[word] |= bit; return true })
}

func (m marks) has(hash common.Hash) bool {
	return m.probe(hash, func(word, bit uint64) bool { return m[word]&bit != 0 })
}
