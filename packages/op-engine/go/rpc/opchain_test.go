// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"crypto/ecdsa"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/core/vm/program"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
	"github.com/holiman/uint256"

	"opengine/engine"
)

const (
	opChainID   = 901
	opGenesisAt = 1000
)

// Contracts of the test chain.
var (
	// writer stores calldata[32:64] at the slot calldata[0:32], logs both, and returns the value.
	writer     = common.HexToAddress("0x00000000000000000000000000000000000c0001")
	writerCode = program.New().
			Op(vm.PUSH1).Append([]byte{32}).Op(vm.CALLDATALOAD, vm.PUSH0, vm.CALLDATALOAD, vm.SSTORE). // sstore(slot, value)
			Op(vm.PUSH1).Append([]byte{64}).Op(vm.PUSH0, vm.PUSH0, vm.CALLDATACOPY).
			Op(vm.PUSH0, vm.CALLDATALOAD, vm.CALLER, vm.PUSH1).Append([]byte{64}).Op(vm.PUSH0, vm.LOG2).
			Return(32, 32).Bytes()
	// reasoned reverts with Error("no"), panicked with Panic(1).
	reasoned     = common.HexToAddress("0x00000000000000000000000000000000000c0002")
	reasonedCode = reverting("08c379a0" + "0000000000000000000000000000000000000000000000000000000000000020" + "0000000000000000000000000000000000000000000000000000000000000002" + "6e6f000000000000000000000000000000000000000000000000000000000000")
	panicked     = common.HexToAddress("0x00000000000000000000000000000000000c0003")
	panickedCode = reverting("4e487b710000000000000000000000000000000000000000000000000000000000000001")
	// looper never ends.
	looper     = common.HexToAddress("0x00000000000000000000000000000000000c0004")
	looperCode = common.FromHex("5b5f56")
	// surroundings returns what the EVM knows about where it runs.
	surroundings     = common.HexToAddress("0x00000000000000000000000000000000000c0005")
	surroundingsCode = asking(vm.NUMBER, vm.TIMESTAMP, vm.CHAINID, vm.BASEFEE, vm.PREVRANDAO, vm.GASLIMIT, vm.COINBASE, vm.ORIGIN, vm.CALLER, vm.GASPRICE, vm.SELFBALANCE, vm.CALLVALUE, vm.BLOBBASEFEE)
	// caller calls all of these in every way, a precompile, creates, and destroys what it created.
	caller     = common.HexToAddress("0x00000000000000000000000000000000000c0006")
	callerCode = program.New().
			Mstore(append(common.LeftPadBytes([]byte{5}, 32), common.LeftPadBytes([]byte{77}, 32)...), 0).
			Call(nil, writer, 0, 0, 64, 64, 32).Op(vm.POP).
			DelegateCall(nil, writer, 0, 64, 64, 32).Op(vm.POP).
			StaticCall(nil, common.BytesToAddress([]byte{2}), 0, 64, 64, 32).Op(vm.POP).
			StaticCall(nil, writer, 0, 64, 64, 32).Op(vm.POP). // a write where none may be
			Call(uint256.NewInt(50_000), looper, 0, 0, 0, 0, 0).Op(vm.POP).
			Call(nil, reasoned, 0, 0, 64, 64, 32).Op(vm.POP).
			Call(nil, common.HexToAddress("0xbeef"), 1, 0, 0, 0, 0).Op(vm.POP).
			Create2(common.FromHex("33ff"), 1).Op(vm.POP).                       // destroys itself in its own creation
			Create2(common.FromHex("6001600c60003960016000f300"), 2).Op(vm.POP). // leaves one byte of code
			Op(vm.PUSH1).Append([]byte{5}).Op(vm.SLOAD, vm.POP, vm.ADDRESS, vm.BALANCE, vm.POP, vm.ORIGIN, vm.EXTCODEHASH, vm.POP).
			Return(64, 32).Bytes()
	// filler writes as many slots as its gas is enough for.
	filler     = common.HexToAddress("0x00000000000000000000000000000000000c0008")
	fillerCode = common.FromHex("5b5a6175301015600f57435a555f565b00")
	// burner logs 100 times.
	burner     = common.HexToAddress("0x00000000000000000000000000000000000c0007")
	burnerCode = func() []byte {
		p := program.New()
		for range 100 {
			p.Op(vm.PUSH1).Append([]byte{32}).Op(vm.PUSH0, vm.LOG0)
		}
		return p.Op(vm.STOP).Bytes()
	}()
)

func reverting(data string) []byte {
	bytes := common.FromHex(data)
	return program.New().Mstore(bytes, 0).Op(vm.PUSH1).Append([]byte{byte(len(bytes))}).Op(vm.PUSH0, vm.REVERT).Bytes()
}

func asking(ops ...vm.OpCode) []byte {
	p := program.New()
	for i, op := range ops {
		p.Op(op).Push(i * 32).Op(vm.MSTORE)
	}
	// and the hash of the block before
	p.Op(vm.PUSH1).Append([]byte{1}).Op(vm.NUMBER, vm.SUB, vm.BLOCKHASH).Push(len(ops) * 32).Op(vm.MSTORE)
	return p.Return(0, (len(ops)+1)*32).Bytes()
}

type user struct {
	key     *ecdsa.PrivateKey
	address common.Address
}

// opChain is a chain of the OP Stack with transactions of every kind, in one fork from genesis on.
type opChain struct {
	*engine.Chain
	fork   string
	file   []byte
	blocks []*types.Block // from 1 on
	side   *types.Block   // 4, of a branch that was left
	users  []user
}

// Forks of the test chain, each with the one before; a chain is in one of the last three.
var opForks = []string{"regolith", "canyon", "shanghai", "ecotone", "cancun", "fjord", "granite", "holocene", "isthmus", "prague", "jovian", "karst", "osaka"}

func opGenesis(fork string, users []user) []byte {
	last, extra := "prague", "0x00000000fa00000006"
	if fork != "isthmus" {
		last, extra = fork, "0x01000000fa000000060000000000000000"
	}
	if fork == "karst" {
		last = "osaka"
	}
	config := map[string]any{
		"chainId": opChainID, "homesteadBlock": 0, "eip150Block": 0, "eip155Block": 0, "eip158Block": 0, "byzantiumBlock": 0,
		"constantinopleBlock": 0, "petersburgBlock": 0, "istanbulBlock": 0, "muirGlacierBlock": 0, "berlinBlock": 0, "londonBlock": 0,
		"arrowGlacierBlock": 0, "grayGlacierBlock": 0, "mergeNetsplitBlock": 0, "terminalTotalDifficulty": 0, "bedrockBlock": 0,
		"optimism": map[string]any{"eip1559Elasticity": 6, "eip1559Denominator": 50, "eip1559DenominatorCanyon": 250},
	}
	for _, fork := range opForks[:slices.Index(opForks, last)+1] {
		config[fork+"Time"] = 0
	}
	word := func(n int64) string { return common.BigToHash(big.NewInt(n)).Hex() }
	alloc := map[string]any{
		"0x4200000000000000000000000000000000000016": map[string]any{"balance": "0x0", "code": "0x00", "storage": map[string]string{word(1): word(1)}},
		types.L1BlockAddr.Hex(): map[string]any{"balance": "0x0", "code": "0x00", "storage": map[string]string{
			word(1): word(1_000_000_000), word(7): word(3), word(3): "0x000000000000000000000000000000000000000000000558000c5fc500000000",
			word(8): "0x0000000000000000000000000000000000000000000003e80000000000000007",
		}},
		params.HistoryStorageAddress.Hex(): map[string]any{"balance": "0x0", "nonce": "0x1", "code": hexutil.Encode(params.HistoryStorageCode)},
		params.BeaconRootsAddress.Hex():    map[string]any{"balance": "0x0", "nonce": "0x1", "code": hexutil.Encode(params.BeaconRootsCode)},
	}
	for address, code := range map[common.Address][]byte{writer: writerCode, reasoned: reasonedCode, panicked: panickedCode, looper: looperCode, surroundings: surroundingsCode, caller: callerCode, burner: burnerCode, filler: fillerCode} {
		alloc[address.Hex()] = map[string]any{"balance": "0x64", "nonce": "0x1", "code": hexutil.Encode(code)}
	}
	for _, user := range users {
		alloc[user.address.Hex()] = map[string]any{"balance": "0x3635c9adc5dea00000"}
	}
	file, err := json.Marshal(map[string]any{
		"config": config, "timestamp": hexutil.Uint64(opGenesisAt), "gasLimit": "0x1c9c380", "difficulty": "0x0",
		"extraData": extra, "baseFeePerGas": "0x3b9aca00", "alloc": alloc,
	})
	if err != nil {
		panic(err)
	}
	return file
}

func newOpChain(t testing.TB) *opChain { return newOpChainIn(t, "jovian") }

func newOpChainIn(t testing.TB, fork string) *opChain {
	t.Helper()
	c := &opChain{fork: fork}
	for i := range 5 {
		key, err := crypto.ToECDSA(crypto.Keccak256([]byte(fmt.Sprint("user", i))))
		if err != nil {
			t.Fatal(err)
		}
		c.users = append(c.users, user{key, crypto.PubkeyToAddress(key.PublicKey)})
	}
	c.file = opGenesis(fork, c.users)
	chain, err := engine.Open(c.file, engine.NewMemory(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c.Chain = chain
	c.fill(t)
	return c
}

// fill builds blocks with every kind of transaction there is.
func (c *opChain) fill(t testing.TB) {
	nonces := map[common.Address]uint64{}
	id, cap, tip := big.NewInt(opChainID), big.NewInt(20_000_000_000), big.NewInt(3_000_000)
	sign := func(u user, inner types.TxData) *types.Transaction {
		tx, err := types.SignNewTx(u.key, types.LatestSignerForChainID(id), inner)
		if err != nil {
			t.Fatal(err)
		}
		return tx
	}
	next := func(u user) uint64 { nonces[u.address]++; return nonces[u.address] - 1 }
	dynamic := func(u user, to *common.Address, value int64, gas uint64, data string) *types.Transaction {
		return sign(u, &types.DynamicFeeTx{ChainID: id, Nonce: next(u), GasFeeCap: cap, GasTipCap: tip, Gas: gas, To: to, Value: big.NewInt(value), Data: common.FromHex(data)})
	}
	sources := int64(0)
	deposit := func(from common.Address, to *common.Address, mint, value int64, gas uint64, data string) *types.Transaction {
		sources++
		return types.NewTx(&types.DepositTx{SourceHash: common.BigToHash(big.NewInt(sources << 32)), From: from, To: to, Mint: big.NewInt(mint), Value: big.NewInt(value), Gas: gas, Data: common.FromHex(data)})
	}
	u := c.users
	pair := func(slot, value byte) string { return fmt.Sprintf("0x%064x%064x", slot, value) }
	nobody := common.HexToAddress("0x00000000000000000000000000000000000dead0")
	authorization, err := types.SignSetCode(u[3].key, types.SetCodeAuthorization{ChainID: *uint256.NewInt(opChainID), Address: writer})
	if err != nil {
		t.Fatal(err)
	}

	c.build(t) // nothing but the attributes
	c.build(t,
		sign(u[0], &types.LegacyTx{Nonce: next(u[0]), GasPrice: cap, Gas: 21000, To: &u[1].address, Value: big.NewInt(5)}),
		sign(u[0], &types.AccessListTx{ChainID: id, Nonce: next(u[0]), GasPrice: cap, Gas: 100_000, To: &writer, Data: common.FromHex(pair(1, 1)), AccessList: types.AccessList{{Address: writer, StorageKeys: []common.Hash{{31: 1}}}}}),
		dynamic(u[1], &writer, 0, 100_000, pair(2, 9)),
		dynamic(u[1], &reasoned, 0, 100_000, ""),
	)
	c.build(t,
		deposit(u[2].address, &writer, 1_000, 10, 100_000, pair(3, 3)),
		deposit(nobody, &nobody, 0, 10, 100_000, ""), // without the money: fails, and is included
		deposit(nobody, nil, 100, 0, 200_000, "0x6001600c60003960016000f300"),
		deposit(u[2].address, &looper, 0, 0, 30_000, ""), // runs out of gas
		dynamic(u[0], nil, 7, 200_000, "0x6001600c60003960016000f300"),
		dynamic(u[0], nil, 0, 100_000, "0x5f5ffd"), // a creation that reverts
		dynamic(u[1], &caller, 1, 2_000_000, ""),
	)
	nonces[u[2].address] = 2 // deposits move it
	nonces[u[3].address]++   // and so does the authorization
	c.build(t,
		sign(u[4], &types.SetCodeTx{ChainID: uint256.NewInt(opChainID), Nonce: next(u[4]), GasFeeCap: uint256.MustFromBig(cap), GasTipCap: uint256.MustFromBig(tip), Gas: 300_000, To: u[3].address, Data: common.FromHex(pair(4, 4)), AuthList: []types.SetCodeAuthorization{authorization}}),
		dynamic(u[0], &u[3].address, 0, 200_000, pair(4, 5)), // runs the code it delegates to
		dynamic(u[0], &writer, 0, 200_000, pair(2, 0)),       // clears a slot: a refund
		dynamic(u[1], &panicked, 0, 100_000, ""),
		dynamic(u[1], &caller, 1, 2_000_000, ""), // creates where something is
	)
	var crowd []*types.Transaction
	for i := range 20 {
		crowd = append(crowd, sign(u[i%3], &types.DynamicFeeTx{ChainID: id, Nonce: next(u[i%3]), GasFeeCap: cap, GasTipCap: big.NewInt(int64(i) * 1_000_000), Gas: 100_000, To: &writer, Data: common.FromHex(pair(byte(i), byte(i+1)))}))
	}
	c.build(t, crowd...)
	var full []*types.Transaction
	for i := range 14 { // more than another would fit
		full = append(full, sign(u[0], &types.DynamicFeeTx{ChainID: id, Nonce: next(u[0]), GasFeeCap: cap, GasTipCap: big.NewInt(int64(i+1) * 5_000_000), Gas: 2_100_000, To: &looper}))
	}
	c.build(t, full...)
	c.side = c.buildOn(t, c.blocks[2].Header(),
		sign(u[4], &types.LegacyTx{Nonce: 0, GasPrice: cap, Gas: 100_000, To: &writer, Data: common.FromHex(pair(8, 8))}))
	c.settle(t)
}

// settle makes the last block the head, step by step from where it is, and finalizes those that are some behind.
func (c *opChain) settle(t testing.TB) {
	t.Helper()
	head := c.CurrentHeader().Number.Uint64()
	for i := int(head); i < len(c.blocks); i++ {
		heads := engine.Heads{Head: c.blocks[i].Hash(), Safe: c.blocks[max(0, i-2)].Hash(), Finalized: c.blocks[max(0, i-4)].Hash()}
		if err := c.SetHead(heads); err != nil {
			t.Fatal(err)
		}
	}
}

func (c *opChain) build(t testing.TB, transactions ...*types.Transaction) {
	t.Helper()
	parent := c.GetHeaderByHash(c.Genesis())
	if len(c.blocks) > 0 {
		parent = c.blocks[len(c.blocks)-1].Header()
	}
	c.blocks = append(c.blocks, c.buildOn(t, parent, transactions...))
}

func (c *opChain) buildOn(t testing.TB, parent *types.Header, transactions ...*types.Transaction) *types.Block {
	t.Helper()
	time := parent.Time + 2
	root, minBaseFee := common.BigToHash(new(big.Int).SetUint64(time)), uint64(1_000_000)
	attributes := &engine.PayloadAttributes{
		Timestamp: time, PrevRandao: common.BigToHash(big.NewInt(int64(time) * 31)), SuggestedFeeRecipient: common.HexToAddress("0x4200000000000000000000000000000000000011"),
		Withdrawals: types.Withdrawals{}, ParentBeaconBlockRoot: &root, GasLimit: 30_000_000, EIP1559Params: make([]byte, 8), MinBaseFee: &minBaseFee,
	}
	selector, size := types.JovianL1AttributesSelector, types.JovianL1AttributesLen
	if c.fork == "isthmus" {
		selector, size = types.IsthmusL1AttributesSelector, types.IsthmusL1AttributesLen
		attributes.MinBaseFee = nil
	}
	data := append(append([]byte{}, selector...), make([]byte, size-4)...)
	binary.BigEndian.PutUint32(data[4:], 1368)
	binary.BigEndian.PutUint32(data[8:], 810949)
	binary.BigEndian.PutUint64(data[36+24:], 1_000_000_000) // base fee
	binary.BigEndian.PutUint64(data[68+24:], 3)             // blob base fee
	if c.fork != "isthmus" {
		binary.BigEndian.PutUint16(data[size-2:], 400)
	}
	info := types.NewTx(&types.DepositTx{
		SourceHash: common.BigToHash(new(big.Int).SetUint64(time)), From: common.HexToAddress("0xdeaddeaddeaddeaddeaddeaddeaddeaddead0001"),
		To: &types.L1BlockAddr, Mint: nil, Value: new(big.Int), Gas: 1_000_000, Data: data,
	})
	for _, tx := range append([]*types.Transaction{info}, transactions...) {
		raw, err := tx.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		attributes.Transactions = append(attributes.Transactions, raw)
	}
	block, _, err := c.Build(parent.Hash(), attributes)
	if err != nil {
		t.Fatalf("block %d: %v", parent.Number.Uint64()+1, err)
	}
	return block
}
