// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
)

// prestateAccount is what a transaction found of an account, or left.
type prestateAccount struct {
	Balance  *hexutil.Big                `json:"balance,omitempty"`
	Code     hexutil.Bytes               `json:"code,omitempty"`
	CodeHash *common.Hash                `json:"codeHash,omitempty"`
	Nonce    uint64                      `json:"nonce,omitempty"`
	Storage  map[common.Hash]common.Hash `json:"storage,omitempty"`

	empty bool
}

// prestateTracer collects the accounts and slots that a transaction touches, as they were before, or what it changed in them.
type prestateTracer struct {
	DiffMode       bool `json:"diffMode"`
	DisableCode    bool `json:"disableCode"`
	DisableStorage bool `json:"disableStorage"`
	IncludeEmpty   bool `json:"includeEmpty"`

	call    *call
	config  *params.ChainConfig
	env     *tracing.VMContext
	pre     map[common.Address]*prestateAccount
	post    map[common.Address]*prestateAccount
	created map[common.Address]bool
	deleted map[common.Address]bool
}

func newPrestateTracer(c *call, _ tracedPlace, config json.RawMessage) (*tracer, error) {
	t := &prestateTracer{
		call:    c,
		config:  c.chain.Config(),
		pre:     map[common.Address]*prestateAccount{},
		post:    map[common.Address]*prestateAccount{},
		created: map[common.Address]bool{},
		deleted: map[common.Address]bool{},
	}
	if err := json.Unmarshal(config, t); err != nil {
		return nil, err
	}
	if t.DiffMode && t.IncludeEmpty {
		return nil, errors.New("cannot use diffMode with includeEmpty")
	}
	return &tracer{&tracing.Hooks{OnTxStart: t.onTxStart, OnTxEnd: t.onTxEnd, OnOpcode: t.onOpcode}, t.result}, nil
}

func (t *prestateTracer) result() (json.RawMessage, error) {
	if t.DiffMode {
		return json.Marshal(map[string]any{"pre": t.pre, "post": t.post})
	}
	return json.Marshal(t.pre)
}

func (t *prestateTracer) onTxStart(env *tracing.VMContext, tx *types.Transaction, from common.Address) {
	t.env = env
	if to := tx.To(); to == nil {
		created := crypto.CreateAddress(from, env.StateDB.GetNonce(from))
		t.created[created] = true
		t.touch(created)
	} else {
		t.touchDelegate(*to)
		t.touch(*to)
	}
	t.touch(from)
	t.touch(env.Coinbase)
	for _, authorization := range tx.SetCodeAuthorizations() {
		if authority, err := authorization.Authority(); err == nil {
			t.touch(authority)
		}
	}
	if t.config.IsOptimism() {
		t.touch(params.OptimismBaseFeeRecipient)
	}
}

func (t *prestateTracer) onOpcode(_ uint64, opcode byte, _, _ uint64, scope tracing.OpContext, _ []byte, _ int, err error) {
	if err != nil {
		return
	}
	stack, self := scope.StackData(), scope.Address()
	back := func(n int) []byte {
		word := stack[len(stack)-1-n].Bytes32()
		return word[:]
	}
	switch op := vm.OpCode(opcode); {
	case len(stack) >= 1 && (op == vm.SLOAD || op == vm.SSTORE):
		t.touchSlot(self, common.BytesToHash(back(0)))
	case len(stack) >= 1 && (op == vm.EXTCODECOPY || op == vm.EXTCODEHASH || op == vm.EXTCODESIZE || op == vm.BALANCE):
		t.touch(common.BytesToAddress(back(0)))
	case len(stack) >= 1 && op == vm.SELFDESTRUCT:
		t.touch(common.BytesToAddress(back(0)))
		// Since Cancun only what was created in the same transaction (EIP-6780).
		if t.created[self] || !t.config.IsCancun(t.env.BlockNumber, t.env.Time) {
			t.deleted[self] = true
		}
	case len(stack) >= 5 && (op == vm.DELEGATECALL || op == vm.CALL || op == vm.STATICCALL || op == vm.CALLCODE):
		to := common.BytesToAddress(back(1))
		t.touch(to)
		t.touchDelegate(to)
	case op == vm.CREATE:
		t.create(crypto.CreateAddress(self, t.env.StateDB.GetNonce(self)))
	case len(stack) >= 4 && op == vm.CREATE2:
		code, ok := padded(scope.MemoryData(), stack[len(stack)-2].Uint64(), stack[len(stack)-3].Uint64())
		if ok {
			t.create(crypto.CreateAddress2(self, common.Hash(back(3)), crypto.Keccak256(code)))
		}
	}
}

// padded is a part of memory, which is looked at before it grows for the opcode.
func padded(memory []byte, offset, size uint64) ([]byte, bool) {
	const most = 1 << 20 // beyond the end of memory
	if end := offset + size; end < offset || end > uint64(len(memory))+most {
		return nil, false
	}
	part := make([]byte, size)
	if offset < uint64(len(memory)) {
		copy(part, memory[offset:])
	}
	return part, true
}

func (t *prestateTracer) create(address common.Address) {
	t.touch(address)
	t.created[address] = true
}

// touchDelegate touches the account whose code an account runs in place of its own (EIP-7702).
func (t *prestateTracer) touchDelegate(address common.Address) {
	if !t.config.IsPrague(t.env.BlockNumber, t.env.Time) {
		return
	}
	if to, ok := types.ParseDelegation(t.env.StateDB.GetCode(address)); ok {
		t.touch(to)
	}
}

func (t *prestateTracer) touch(address common.Address) *prestateAccount {
	if account := t.pre[address]; account != nil {
		return account
	}
	state := t.env.StateDB
	account := &prestateAccount{
		Balance: (*hexutil.Big)(state.GetBalance(address).ToBig()),
		Nonce:   state.GetNonce(address),
		Code:    state.GetCode(address),
	}
	if hash := state.GetCodeHash(address); hash != (common.Hash{}) && hash != types.EmptyCodeHash {
		account.CodeHash = &hash
	}
	account.empty = account.Nonce == 0 && len(account.Code) == 0 && account.Balance.ToInt().Sign() == 0
	if t.DisableCode {
		account.Code = nil
	}
	if !t.DisableStorage {
		account.Storage = map[common.Hash]common.Hash{}
	}
	t.call.grow(300 + 2*len(account.Code))
	t.pre[address] = account
	return account
}

func (t *prestateTracer) touchSlot(address common.Address, slot common.Hash) {
	account := t.touch(address)
	if t.DisableStorage {
		return
	}
	if _, ok := account.Storage[slot]; ok {
		return
	}
	t.call.grow(140)
	account.Storage[slot] = t.env.StateDB.GetState(address, slot)
}

func (t *prestateTracer) onTxEnd(_ *types.Receipt, err error) {
	if err != nil {
		return
	}
	if t.DiffMode {
		for address, before := range t.pre {
			if !t.deleted[address] {
				t.compare(address, before)
			}
		}
	}
	if t.IncludeEmpty {
		return
	}
	for address, account := range t.pre {
		if account.empty {
			delete(t.pre, address)
		}
	}
}

// compare moves what changed of an account to post, and drops what did not.
func (t *prestateTracer) compare(address common.Address, before *prestateAccount) {
	state := t.env.StateDB
	after, changed := &prestateAccount{Storage: map[common.Hash]common.Hash{}}, false
	if balance := state.GetBalance(address).ToBig(); balance.Cmp((*big.Int)(before.Balance)) != 0 {
		after.Balance, changed = (*hexutil.Big)(balance), true
	}
	if nonce := state.GetNonce(address); nonce != before.Nonce {
		after.Nonce, changed = nonce, true
	}
	var hashBefore common.Hash
	if before.CodeHash != nil {
		hashBefore = *before.CodeHash
	}
	hash := state.GetCodeHash(address)
	if hash == types.EmptyCodeHash {
		hash = common.Hash{}
	}
	if hash != hashBefore {
		after.CodeHash, changed = &hash, true
	}
	if !t.DisableCode {
		if code := state.GetCode(address); !bytes.Equal(code, before.Code) {
			after.Code, changed = code, true
		}
	}
	for slot, value := range before.Storage {
		now := state.GetState(address, slot)
		if value == (common.Hash{}) || value == now {
			delete(before.Storage, slot)
		}
		if value != now {
			changed = true
			if now != (common.Hash{}) {
				after.Storage[slot] = now
			}
		}
	}
	if changed {
		t.post[address] = after
	} else {
		delete(t.pre, address)
	}
}
