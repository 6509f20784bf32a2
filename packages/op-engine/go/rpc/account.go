// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"encoding/hex"
	"errors"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/ethereum/go-ethereum/trie"
)

// Geth's bounds on one request.
const (
	maxStorageSlots = 1024
	maxProofKeys    = 1024
)

func balance(c *call, address common.Address, at *BlockNumberOrHash) (*hexutil.Big, error) {
	statedb, _, err := c.stateTersely(orLatest(at))
	if err != nil {
		return nil, err
	}
	return (*hexutil.Big)(statedb.GetBalance(address).ToBig()), statedb.Error()
}

func code(c *call, address common.Address, at *BlockNumberOrHash) (hexutil.Bytes, error) {
	statedb, _, err := c.stateTersely(orLatest(at))
	if err != nil {
		return nil, err
	}
	return statedb.GetCode(address), statedb.Error()
}

func transactionCount(c *call, address common.Address, at *BlockNumberOrHash) (hexutil.Uint64, error) {
	statedb, _, err := c.stateTersely(orLatest(at))
	if err != nil {
		return 0, err
	}
	return hexutil.Uint64(statedb.GetNonce(address)), statedb.Error()
}

func storageAt(c *call, address common.Address, hexKey string, at *BlockNumberOrHash) (hexutil.Bytes, error) {
	statedb, _, err := c.stateTersely(orLatest(at))
	if err != nil {
		return nil, err
	}
	key, _, err := storageKey(hexKey)
	if err != nil {
		return nil, invalidParams("%v: %q", err, hexKey)
	}
	value := statedb.GetState(address, key)
	return value[:], statedb.Error()
}

func storageValues(c *call, slots map[common.Address][]common.Hash, at *BlockNumberOrHash) (map[common.Address][]hexutil.Bytes, error) {
	total := 0
	for _, keys := range slots {
		total += len(keys)
	}
	if total > maxStorageSlots {
		return nil, clientLimit("too many slots (max %d)", maxStorageSlots)
	}
	if total == 0 {
		return nil, invalidParams("empty request")
	}
	statedb, _, err := c.state(orLatest(at))
	if err != nil {
		return nil, err
	}
	values := make(map[common.Address][]hexutil.Bytes, len(slots))
	for address, keys := range slots {
		values[address] = make([]hexutil.Bytes, len(keys))
		for i, key := range keys {
			c.did(2100)
			value := statedb.GetState(address, key)
			values[address][i] = value[:]
		}
	}
	return values, statedb.Error()
}

// storageKey reads a slot as leniently as geth does: without 0x, and shorter than 32 bytes.
func storageKey(text string) (key common.Hash, length int, err error) {
	text = strings.TrimPrefix(strings.TrimPrefix(text, "0x"), "0X")
	if len(text)%2 == 1 {
		text = "0" + text
	}
	if len(text) > 2*common.HashLength {
		return key, 0, errors.New("storage key too long (want at most 32 bytes)")
	}
	bytes, err := hex.DecodeString(text)
	if err != nil {
		return key, 0, errors.New("invalid hex in storage key")
	}
	return common.BytesToHash(bytes), len(bytes), nil
}

// accountProof is the answer of eth_getProof (EIP-1186).
type accountProof struct {
	Address      common.Address `json:"address"`
	AccountProof []string       `json:"accountProof"`
	Balance      *hexutil.Big   `json:"balance"`
	CodeHash     common.Hash    `json:"codeHash"`
	Nonce        hexutil.Uint64 `json:"nonce"`
	StorageHash  common.Hash    `json:"storageHash"`
	StorageProof []storageProof `json:"storageProof"`
}

type storageProof struct {
	Key   string       `json:"key"`
	Value *hexutil.Big `json:"value"`
	Proof []string     `json:"proof"`
}

// proofNodes collects the nodes of a proof.
type proofNodes []string

func (n *proofNodes) Put(_, node []byte) error {
	*n = append(*n, hexutil.Encode(node))
	return nil
}

func (n *proofNodes) Delete([]byte) error { return errors.ErrUnsupported }

func proof(c *call, address common.Address, slots []string, at *BlockNumberOrHash) (*accountProof, error) {
	if len(slots) > maxProofKeys {
		return nil, invalidParams("too many storage keys requested (max %d, got %d)", maxProofKeys, len(slots))
	}
	statedb, header, err := c.stateTersely(orLatest(at))
	if err != nil {
		return nil, err
	}
	keys, lengths := make([]common.Hash, len(slots)), make([]int, len(slots))
	for i, slot := range slots {
		if keys[i], lengths[i], err = storageKey(slot); err != nil {
			return nil, invalidParams("%v: %q", err, slot)
		}
	}
	storageRoot := statedb.GetStorageRoot(address)
	answer := &accountProof{
		Address:      address,
		Balance:      (*hexutil.Big)(statedb.GetBalance(address).ToBig()),
		CodeHash:     statedb.GetCodeHash(address),
		Nonce:        hexutil.Uint64(statedb.GetNonce(address)),
		StorageHash:  storageRoot,
		StorageProof: make([]storageProof, len(keys)),
	}
	var storage state.Trie
	if len(keys) > 0 && storageRoot != types.EmptyRootHash && storageRoot != (common.Hash{}) {
		if storage, err = statedb.Database().OpenStorageTrie(header.Root, address, storageRoot, nil); err != nil {
			return nil, err
		}
	}
	for i, key := range keys {
		c.did(2100)
		// A key of full length is echoed as it is, a shorter one as a quantity.
		name := hexutil.Encode(key[:])
		if lengths[i] != common.HashLength {
			name = hexutil.EncodeBig(key.Big())
		}
		if storage == nil {
			answer.StorageProof[i] = storageProof{name, new(hexutil.Big), []string{}}
			continue
		}
		var nodes proofNodes
		if err := storage.Prove(crypto.Keccak256(key[:]), &nodes); err != nil {
			return nil, err
		}
		value := statedb.GetState(address, key)
		c.grow(600 * len(nodes)) // a node is of up to 532 bytes, and mostly full at the top of a large trie
		answer.StorageProof[i] = storageProof{name, (*hexutil.Big)(value.Big()), nodes}
	}
	accounts, err := statedb.Database().OpenTrie(header.Root)
	if err != nil {
		return nil, err
	}
	var nodes proofNodes
	if err := accounts.Prove(crypto.Keccak256(address[:]), &nodes); err != nil {
		return nil, err
	}
	answer.AccountProof = nodes
	return answer, statedb.Error()
}

// storageRange is the answer of debug_storageRangeAt. Keys are null: an engine keeps no preimages of hashed slots.
type storageRange struct {
	Storage map[common.Hash]storageEntry `json:"storage"`
	NextKey *common.Hash                 `json:"nextKey"`
}

type storageEntry struct {
	Key   *common.Hash `json:"key"`
	Value common.Hash  `json:"value"`
}

func storageRangeAt(c *call, at BlockNumberOrHash, index int, address common.Address, start hexutil.Bytes, max int) (*storageRange, error) {
	block, err := c.block(at)
	if err != nil {
		return nil, err
	}
	if block == nil {
		return nil, errBlockNotFound(at)
	}
	before, err := c.stateBefore(block, index, nil)
	if err != nil {
		return nil, err
	}
	root := before.state.GetStorageRoot(address)
	if root == types.EmptyRootHash || root == (common.Hash{}) {
		return &storageRange{}, nil
	}
	id := trie.StorageTrieID(block.Root(), crypto.Keccak256Hash(address[:]), root)
	slots, err := trie.NewStateTrie(id, before.state.Database().TrieDB())
	if err != nil {
		return nil, err
	}
	nodes, err := slots.NodeIterator(start)
	if err != nil {
		return nil, err
	}
	answer := &storageRange{Storage: map[common.Hash]storageEntry{}}
	entries := trie.NewIterator(nodes)
	for len(answer.Storage) < max && entries.Next() {
		c.did(2100)
		c.grow(150)
		_, content, _, err := rlp.Split(entries.Value)
		if err != nil {
			return nil, err
		}
		answer.Storage[common.BytesToHash(entries.Key)] = storageEntry{Value: common.BytesToHash(content)}
	}
	if entries.Next() {
		next := common.BytesToHash(entries.Key)
		answer.NextKey = &next
	}
	return answer, nil
}
