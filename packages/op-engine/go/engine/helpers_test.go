// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
	"github.com/holiman/uint256"
)

const (
	testChainID = 901
	genesisTime = 1000
)

// storer stores pairs: for i := 0; i < calldatasize; i += 64 { sstore(calldataload(i), calldataload(i+32)) }
var (
	storer     = common.HexToAddress("0x00000000000000000000000000000000000057a7")
	storerCode = common.FromHex("5f5b368110156018578035816020013590556040016001565b00")
)

// reverter always reverts, looper burns all gas it is given.
var (
	reverter = common.HexToAddress("0x0000000000000000000000000000000000007e7e")
	looper   = common.HexToAddress("0x0000000000000000000000000000000000001009")
)

type testAccount struct {
	key     *ecdsa.PrivateKey
	address common.Address
}

func testAccounts(count int) (accounts []testAccount) {
	for i := range count {
		key, err := crypto.ToECDSA(crypto.Keccak256([]byte(fmt.Sprint("account", i))))
		if err != nil {
			panic(err)
		}
		accounts = append(accounts, testAccount{key, crypto.PubkeyToAddress(key.PublicKey)})
	}
	return accounts
}

// testForks: times of forks after Isthmus, which is there from genesis on; nil: never.
type testForks struct{ jovian, karst *uint64 }

func at(time uint64) *uint64 { return &time }

func testGenesis(forks testForks, accounts []testAccount) []byte {
	config := map[string]any{
		"chainId": testChainID, "homesteadBlock": 0, "eip150Block": 0, "eip155Block": 0, "eip158Block": 0, "byzantiumBlock": 0,
		"constantinopleBlock": 0, "petersburgBlock": 0, "istanbulBlock": 0, "muirGlacierBlock": 0, "berlinBlock": 0, "londonBlock": 0,
		"arrowGlacierBlock": 0, "grayGlacierBlock": 0, "mergeNetsplitBlock": 0, "terminalTotalDifficulty": 0, "bedrockBlock": 0,
		"regolithTime": 0, "canyonTime": 0, "shanghaiTime": 0, "ecotoneTime": 0, "cancunTime": 0, "fjordTime": 0, "graniteTime": 0,
		"holoceneTime": 0, "isthmusTime": 0, "pragueTime": 0,
		"optimism": map[string]any{"eip1559Elasticity": 6, "eip1559Denominator": 50, "eip1559DenominatorCanyon": 250},
	}
	extra := "0x00000000fa00000006"
	if forks.jovian != nil {
		config["jovianTime"] = *forks.jovian
		if *forks.jovian <= genesisTime {
			extra = "0x01000000fa000000060000000000000000"
		}
	}
	if forks.karst != nil {
		config["karstTime"], config["osakaTime"] = *forks.karst, *forks.karst
	}
	alloc := map[string]any{
		"0x4200000000000000000000000000000000000016": map[string]any{"balance": "0x0", "code": "0x00", "storage": map[string]string{word(1): word(1)}},
		// L1Block: base fee scalars, base fees, operator fee, as Ecotone and Isthmus read them
		types.L1BlockAddr.Hex(): map[string]any{"balance": "0x0", "code": "0x00", "storage": map[string]string{
			word(1): word(1_000_000_000), word(7): word(3), word(3): "0x000000000000000000000000000000000000000000000558000c5fc500000000",
			word(8): "0x0000000000000000000000000000000000000000000003e80000000000000007",
		}},
		params.HistoryStorageAddress.Hex(): map[string]any{"balance": "0x0", "nonce": "0x1", "code": hexutil.Encode(params.HistoryStorageCode)},
		params.BeaconRootsAddress.Hex():    map[string]any{"balance": "0x0", "nonce": "0x1", "code": hexutil.Encode(params.BeaconRootsCode)},
		storer.Hex():                       map[string]any{"balance": "0x0", "code": hexutil.Encode(storerCode)},
		reverter.Hex():                     map[string]any{"balance": "0x0", "code": "0x5f5ffd"},
		looper.Hex():                       map[string]any{"balance": "0x0", "code": "0x5b5f56"},
	}
	for _, account := range accounts {
		alloc[account.address.Hex()] = map[string]any{"balance": "0x3635c9adc5dea00000"} // 1000 ether
	}
	file, err := json.Marshal(map[string]any{
		"config": config, "timestamp": hexutil.Uint64(genesisTime), "gasLimit": "0x1c9c380", "difficulty": "0x0", "extraData": extra,
		"baseFeePerGas": "0x3b9aca00", "alloc": alloc,
	})
	if err != nil {
		panic(err)
	}
	return file
}

func word(n uint64) string { return common.BigToHash(new(big.Int).SetUint64(n)).Hex() }

// builder makes random blocks on a chain, the same for the same seed.
type builder struct {
	t        testing.TB
	chain    *Chain
	random   *rand.Rand
	accounts []testAccount
	signer   types.Signer
}

func newBuilder(t testing.TB, chain *Chain, accounts []testAccount, seed uint64) *builder {
	return &builder{t, chain, rand.New(rand.NewPCG(seed, 7)), accounts, types.LatestSignerForChainID(big.NewInt(testChainID))}
}

func (b *builder) attributes(parent *types.Header, transactions ...*types.Transaction) *PayloadAttributes {
	time := parent.Time + 2
	root := common.BigToHash(new(big.Int).SetUint64(time))
	a := &PayloadAttributes{
		Timestamp: time, PrevRandao: common.BigToHash(big.NewInt(int64(time) * 31)), SuggestedFeeRecipient: common.HexToAddress("0x4200000000000000000000000000000000000011"),
		Withdrawals: types.Withdrawals{}, ParentBeaconBlockRoot: &root, GasLimit: 30_000_000, EIP1559Params: make([]byte, 8),
	}
	if b.chain.config.IsJovian(time) {
		a.MinBaseFee = at(1_000_000)
	}
	for _, tx := range append([]*types.Transaction{b.l1Info(parent, time)}, transactions...) {
		raw, err := tx.MarshalBinary()
		if err != nil {
			b.t.Fatal(err)
		}
		a.Transactions = append(a.Transactions, raw)
	}
	return a
}

// l1Info is the deposit that begins each block, in the form of the fork; the first block of Jovian has still that of Isthmus.
func (b *builder) l1Info(parent *types.Header, time uint64) *types.Transaction {
	size, selector := types.IsthmusL1AttributesLen, types.IsthmusL1AttributesSelector
	if b.chain.config.IsJovian(parent.Time) {
		size, selector = types.JovianL1AttributesLen, types.JovianL1AttributesSelector
	}
	data := append(append([]byte{}, selector...), make([]byte, size-4)...)
	if size == types.JovianL1AttributesLen {
		binary.BigEndian.PutUint16(data[size-2:], 400)
	}
	return types.NewTx(&types.DepositTx{
		SourceHash: common.BigToHash(new(big.Int).SetUint64(time)), From: common.HexToAddress("0xdeaddeaddeaddeaddeaddeaddeaddeaddead0001"),
		To: &types.L1BlockAddr, Mint: new(big.Int), Value: new(big.Int), Gas: 1_000_000, Data: data,
	})
}

func (b *builder) sign(account testAccount, inner types.TxData) *types.Transaction {
	tx, err := types.SignNewTx(account.key, b.signer, inner)
	if err != nil {
		b.t.Fatal(err)
	}
	return tx
}

// randomBlock asks for a block of up to count transactions of every kind.
func (b *builder) randomBlock(parent *types.Header, count int) *PayloadAttributes {
	statedb, err := b.chain.State(parent)
	if err != nil {
		b.t.Fatal(err)
	}
	nonces := map[common.Address]uint64{}
	nonce := func(address common.Address) uint64 {
		if _, ok := nonces[address]; !ok {
			nonces[address] = statedb.GetNonce(address)
		}
		nonces[address]++
		return nonces[address] - 1
	}
	r, chainID := b.random, big.NewInt(testChainID)
	feeCap, tip := big.NewInt(20_000_000_000), big.NewInt(int64(r.IntN(1_000_000_000)))
	var transactions []*types.Transaction
	if deposits := r.IntN(3); b.chain.config.IsJovian(parent.Time) || !b.chain.config.IsJovian(parent.Time+2) {
		for range deposits {
			from := b.accounts[r.IntN(len(b.accounts))].address
			if r.IntN(2) == 0 {
				binary.BigEndian.PutUint64(from[:8], r.Uint64())
			}
			to := &[]common.Address{storer, reverter, looper, b.accounts[r.IntN(len(b.accounts))].address}[r.IntN(4)]
			if r.IntN(6) == 0 {
				to = nil
			}
			nonces[from] = ^uint64(0) // a deposit moves the nonce too: none of its sender's own in this block
			transactions = append(transactions, types.NewTx(&types.DepositTx{
				SourceHash: common.BigToHash(new(big.Int).SetUint64(r.Uint64())), From: from, To: to, Mint: big.NewInt(int64(r.IntN(1_000_000_000))),
				Value: big.NewInt(int64(r.IntN(2_000_000_000))), Gas: 100_000 + uint64(r.IntN(100_000)), Data: b.pairs(),
			}))
		}
	} else {
		count = 0 // the first block of Jovian has no transactions of users
	}
	for range count {
		account := b.accounts[r.IntN(len(b.accounts))]
		if nonces[account.address] == ^uint64(0) {
			continue
		}
		to := b.accounts[r.IntN(len(b.accounts))].address
		n := nonce(account.address)
		var inner types.TxData
		switch r.IntN(8) {
		case 0:
			inner = &types.LegacyTx{Nonce: n, GasPrice: feeCap, Gas: 21000, To: &to, Value: big.NewInt(int64(r.IntN(1e9)))}
		case 1: // a new account
			binary.BigEndian.PutUint64(to[:8], r.Uint64())
			inner = &types.DynamicFeeTx{ChainID: chainID, Nonce: n, GasFeeCap: feeCap, GasTipCap: tip, Gas: 21000, To: &to, Value: big.NewInt(int64(r.IntN(1e9)))}
		case 2, 3:
			inner = &types.DynamicFeeTx{ChainID: chainID, Nonce: n, GasFeeCap: feeCap, GasTipCap: tip, Gas: 400_000, To: &storer, Data: b.pairs()}
		case 4:
			inner = &types.AccessListTx{ChainID: chainID, Nonce: n, GasPrice: feeCap, Gas: 200_000, To: &reverter, AccessList: types.AccessList{{Address: reverter, StorageKeys: []common.Hash{{1}}}}}
		case 5: // creates a contract that returns one byte of code
			inner = &types.DynamicFeeTx{ChainID: chainID, Nonce: n, GasFeeCap: feeCap, GasTipCap: tip, Gas: 200_000, Data: common.FromHex("0x60" + fmt.Sprintf("%02x", r.IntN(256)) + "5f5360015ff3")}
		case 6: // creates and destroys within itself
			inner = &types.DynamicFeeTx{ChainID: chainID, Nonce: n, GasFeeCap: feeCap, GasTipCap: tip, Gas: 200_000, Value: big.NewInt(7), Data: common.FromHex("0x6001600155" + "33ff")}
		case 7:
			authority := b.accounts[r.IntN(len(b.accounts))]
			if nonces[authority.address] == ^uint64(0) || authority.address == account.address {
				inner = &types.LegacyTx{Nonce: n, GasPrice: feeCap, Gas: 60_000, To: &looper}
				break
			}
			authorization, err := types.SignSetCode(authority.key, types.SetCodeAuthorization{ChainID: *uint256.NewInt(testChainID), Address: storer, Nonce: nonce(authority.address)})
			if err != nil {
				b.t.Fatal(err)
			}
			inner = &types.SetCodeTx{ChainID: uint256.NewInt(testChainID), Nonce: n, GasFeeCap: uint256.MustFromBig(feeCap), GasTipCap: uint256.MustFromBig(tip), Gas: 300_000, To: authority.address, Data: b.pairs(), AuthList: []types.SetCodeAuthorization{authorization}}
		}
		transactions = append(transactions, b.sign(account, inner))
	}
	a := b.attributes(parent, transactions...)
	a.GasLimit += uint64(r.IntN(3)) * 5_000_000
	if r.IntN(4) == 0 {
		binary.BigEndian.PutUint32(a.EIP1559Params, 50+uint32(r.IntN(200)))
		binary.BigEndian.PutUint32(a.EIP1559Params[4:], 2+uint32(r.IntN(8)))
	}
	return a
}

// pairs for the storer: slots of a few, values that are zero at times.
func (b *builder) pairs() (data []byte) {
	for range b.random.IntN(6) {
		slot, value := common.BigToHash(big.NewInt(int64(b.random.IntN(64)))), common.BigToHash(big.NewInt(int64(b.random.IntN(4))))
		data = append(append(data, slot[:]...), value[:]...)
	}
	return data
}

func (b *builder) build(parent common.Hash, a *PayloadAttributes) *types.Block {
	b.t.Helper()
	block, _, err := b.chain.Build(parent, a)
	if err != nil {
		b.t.Fatal(err)
	}
	return block
}

// grow builds count random blocks after the head and makes the last the head, with safe and finalized some blocks behind.
func (b *builder) grow(count, transactions int) *types.Block {
	b.t.Helper()
	head := b.head()
	for range count {
		block := b.build(head.Hash(), b.randomBlock(head, transactions))
		head = block.Header()
		b.setHead(head.Hash())
	}
	block, err := b.chain.Block(head.Hash())
	if err != nil {
		b.t.Fatal(err)
	}
	return block
}

func (b *builder) head() *types.Header {
	head := b.chain.CurrentHeader()
	if head == nil {
		b.t.Fatal("no head")
	}
	return head
}

func (b *builder) setHead(hash common.Hash) {
	b.t.Helper()
	header := b.chain.GetHeaderByHash(hash)
	back := header
	for range 3 {
		if back.Number.Sign() > 0 {
			back = b.chain.GetHeaderByHash(back.ParentHash)
		}
	}
	if err := b.chain.SetHead(Heads{hash, back.Hash(), back.Hash()}); err != nil {
		b.t.Fatal(err)
	}
}

func open(t testing.TB, file []byte, store Store, options Options) *Chain {
	t.Helper()
	chain, err := Open(file, store, options)
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

// wantCode fails unless err is an [*Error] of the code, whose text holds every one of the words.
func wantCode(t testing.TB, err error, code Code, words ...string) *Error {
	t.Helper()
	var fault *Error
	if !errors.As(err, &fault) || fault.Code != code {
		t.Fatalf("expected %s, got %v", code, err)
	}
	for _, word := range words {
		if !bytes.Contains([]byte(fault.Message), []byte(word)) {
			t.Fatalf("expected %q in %q", word, fault.Message)
		}
	}
	return fault
}

// testStore is memory that counts, and fails when it is told to.
type testStore struct {
	*Memory
	gets, writes int
	// failAt makes the write of this number (counted from 1) fail, and every read when it is negative.
	failAt int
	// before is called before each write, after with the number of each that was done.
	before func()
	after  func(write int)
}

func newTestStore() *testStore { return &testStore{Memory: NewMemory()} }

var errDisk = errors.New("no space left on device")

func (s *testStore) Get(key []byte) ([]byte, error) {
	s.gets++
	if s.failAt < 0 {
		return nil, errDisk
	}
	return s.Memory.Get(key)
}

func (s *testStore) Write(batch *Batch) error {
	s.writes++
	if s.before != nil {
		s.before()
	}
	if s.writes == s.failAt {
		return errDisk
	}
	if err := s.Memory.Write(batch); err != nil {
		return err
	}
	if s.after != nil {
		s.after(s.writes)
	}
	return nil
}

// copy is what a crash would leave.
func (m *Memory) copy() *Memory {
	m.mu.RLock()
	defer m.mu.RUnlock()
	other := NewMemory()
	for key, value := range m.values {
		other.values[key] = value
	}
	return other
}

func (m *Memory) count(prefix byte) (count int) {
	for key := range m.values {
		if key[0] == prefix {
			count++
		}
	}
	return count
}
