// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"encoding/binary"

	"github.com/ethereum/go-ethereum/common"
)

// Keys of geth's rawdb schema that its package does not export.

func numbered(prefix byte, number uint64, hash common.Hash) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{prefix}, number), hash[:]...)
}

func headerKey(number uint64, hash common.Hash) []byte   { return numbered('h', number, hash) }
func bodyKey(number uint64, hash common.Hash) []byte     { return numbered('b', number, hash) }
func receiptsKey(number uint64, hash common.Hash) []byte { return numbered('r', number, hash) }
func lookupKey(transaction common.Hash) []byte           { return append([]byte{'l'}, transaction[:]...) }

func canonicalKey(number uint64) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{'h'}, number), 'n')
}
