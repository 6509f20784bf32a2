// SPDX-License-Identifier: LGPL-3.0-or-later

package protocol

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"opengine/engine"
)

// Name and Version of this engine, as `open` tells them.
const (
	Name    = "op-geth"
	Version = "v1.101702.3-rc.7"
)

// Reads answers a JSON-RPC request of a user on a chain. The context's Err is to be asked now and then: in WebAssembly nothing
// closes its Done.
type Reads func(ctx context.Context, chain engine.Reader, method string, params json.RawMessage, gasCap uint64) (json.RawMessage, *RPCError)

// Server answers messages for one chain.
type Server struct {
	// Store opens what `open` names.
	Store func(path string, readOnly bool) (engine.Store, error)
	// Reads answers `rpc`.
	Reads Reads

	mu    sync.RWMutex
	chain *engine.Chain
	// beside answers what runs beside the writes, where something does; else nil.
	beside      *engine.Chain
	readsBeside bool
}

// Handle answers one packed message. It never panics.
func (s *Server) Handle(ctx context.Context, packed []byte) []byte {
	message, err := Decode(packed)
	if err != nil {
		return Encode(Answer{Error: refuse("%v", err)}, nil)
	}
	var request Request
	if err := json.Unmarshal(message.Header, &request); err != nil {
		return Encode(Answer{ID: request.ID, Error: refuse("the header is no request: %v", err)}, nil)
	}
	result, parts, err := s.answer(ctx, &request, message.Bytes)
	if err != nil {
		return Encode(Answer{ID: request.ID, Error: typed(err)}, nil)
	}
	return Encode(Answer{ID: request.ID, Result: result}, parts)
}

func typed(err error) *engine.Error {
	var fault *engine.Error
	if errors.As(err, &fault) {
		return fault
	}
	return &engine.Error{Code: engine.Internal, Message: err.Error()}
}

// answer turns a panic into INTERNAL, and a fault of the store, which geth's accessors swallow, into the answer.
func (s *Server) answer(ctx context.Context, request *Request, parts [][]byte) (result any, out [][]byte, err error) {
	chain := s.chainFor(request.Method)
	faults := uint64(0)
	if chain != nil {
		faults = chain.Faults()
	}
	defer func() {
		if fault := recover(); fault != nil {
			result, out = nil, nil
			err = &engine.Error{Code: engine.Internal, Message: fmt.Sprint(fault), Details: map[string]any{"method": request.Method, "stack": string(debug.Stack())}}
		}
		if chain != nil {
			if fault := chain.FaultSince(faults); fault != nil {
				result, out, err = nil, nil, fault
			}
		}
	}()
	if request.Method == "open" {
		return s.open(request.Params, parts)
	}
	if chain == nil {
		return nil, nil, refuse("%q before open", request.Method)
	}
	switch request.Method {
	case "build":
		return build(chain, request.Params, parts)
	case "setHead":
		var heads engine.Heads
		if err := read(request.Params, &heads); err != nil {
			return nil, nil, err
		}
		return struct{}{}, nil, chain.SetHead(heads)
	case "block":
		return block(chain, request.Params)
	case "receipts":
		return receipts(chain, request.Params)
	case "accounts":
		return accounts(chain, request.Params, parts)
	case "rpc":
		return s.rpc(ctx, chain, request.Params)
	case "prune":
		return prune(chain, request.Params)
	case "close":
		s.set(nil)
		return struct{}{}, nil, chain.Close()
	}
	return nil, nil, refuse("there is no method %q", request.Method)
}

func (s *Server) current() *engine.Chain {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.chain
}

func (s *Server) set(chain *engine.Chain) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chain, s.beside = chain, nil
	if chain != nil && s.readsBeside {
		s.beside = chain.Beside()
	}
}

// onlyReads is whether a method may run beside one that writes.
func onlyReads(method string) bool {
	switch method {
	case "rpc", "block", "receipts", "accounts":
		return true
	}
	return false
}

func (s *Server) chainFor(method string) *engine.Chain {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.beside != nil && onlyReads(method) {
		return s.beside
	}
	return s.chain
}

func read(params json.RawMessage, into any) error {
	if err := json.Unmarshal(params, into); err != nil {
		return refuse("the params cannot be read: %v", err)
	}
	return nil
}

func (s *Server) open(raw json.RawMessage, parts [][]byte) (any, [][]byte, error) {
	var params openParams
	if err := read(raw, &params); err != nil {
		return nil, nil, err
	}
	if len(parts) != 1 {
		return nil, nil, refuse("open wants the genesis file and nothing else behind its header")
	}
	if s.current() != nil {
		return nil, nil, refuse("the engine is open")
	}
	store, err := s.Store(params.Path, params.ReadOnly)
	if err != nil {
		return nil, nil, err
	}
	opened := false
	defer func() {
		if !opened { // after an error, or a panic on its way up
			store.Close()
		}
	}()
	chain, err := engine.Open(parts[0], store, engine.Options{History: params.History, ReadOnly: params.ReadOnly})
	if err != nil {
		return nil, nil, err
	}
	heads, err := chain.Heads()
	if err != nil {
		return nil, nil, err
	}
	result := openResult{Name: Name, Version: Version, Genesis: chain.Genesis()}
	for _, head := range []struct {
		hash common.Hash
		into **headView
	}{{heads.Head, &result.Head}, {heads.Safe, &result.Safe}, {heads.Finalized, &result.Finalized}} {
		if head.hash == (common.Hash{}) {
			continue
		}
		header, err := chain.Header(head.hash)
		if err == nil && header == nil {
			err = &engine.Error{Code: engine.StoreCorrupt, Message: fmt.Sprintf("the block %s is missing in the store", head.hash)}
		}
		if err != nil {
			return nil, nil, err
		}
		*head.into = &headView{Uint64(header.Number.Uint64()), head.hash}
	}
	s.set(chain)
	opened = true
	return result, nil, nil
}

func build(chain *engine.Chain, raw json.RawMessage, parts [][]byte) (any, [][]byte, error) {
	var params buildParams
	if err := read(raw, &params); err != nil {
		return nil, nil, err
	}
	attributes, err := params.attributes(parts)
	if err != nil {
		return nil, nil, err
	}
	block, outcomes, err := chain.Build(params.Parent, attributes)
	if err != nil {
		return nil, nil, err
	}
	return buildResult{viewOf(block), outcomes}, nil, nil
}

func block(chain *engine.Chain, raw json.RawMessage) (any, [][]byte, error) {
	var params struct {
		ID string `json:"id"`
	}
	if err := read(raw, &params); err != nil {
		return nil, nil, err
	}
	hash, err := named(chain, params.ID)
	if err != nil {
		return nil, nil, err
	}
	block, err := chain.Block(hash)
	if err != nil {
		return nil, nil, err
	}
	if block == nil {
		return blockResult{}, nil, nil
	}
	parts := make([][]byte, len(block.Transactions()))
	for i, tx := range block.Transactions() {
		if parts[i], err = tx.MarshalBinary(); err != nil {
			return nil, nil, err
		}
	}
	return blockResult{viewOf(block)}, parts, nil
}

// named finds the hash that a hash, a decimal number or "latest" means; the zero hash: none.
func named(chain *engine.Chain, id string) (common.Hash, error) {
	if id == "latest" {
		heads, err := chain.Heads()
		return heads.Head, err
	}
	if len(id) > 2 && id[:2] == "0x" {
		var hash common.Hash
		if err := hash.UnmarshalText([]byte(id)); err != nil {
			return hash, refuse("%q is no hash", id)
		}
		return hash, nil
	}
	number, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return common.Hash{}, refuse(`%q is no hash, no decimal number and not "latest"`, id)
	}
	return chain.CanonicalHash(number)
}

func receipts(chain *engine.Chain, raw json.RawMessage) (any, [][]byte, error) {
	var params struct {
		Block common.Hash `json:"block"`
	}
	if err := read(raw, &params); err != nil {
		return nil, nil, err
	}
	outcomes, err := chain.Outcomes(params.Block)
	if err != nil {
		return nil, nil, err
	}
	if outcomes == nil {
		return nil, nil, &engine.Error{Code: engine.UnknownBlock, Message: fmt.Sprintf("the block %s is not known", params.Block)}
	}
	return receiptsResult{outcomes}, nil, nil
}

func accounts(chain *engine.Chain, raw json.RawMessage, parts [][]byte) (any, [][]byte, error) {
	var params struct {
		Block *common.Hash `json:"block"`
	}
	if err := read(raw, &params); err != nil {
		return nil, nil, err
	}
	if len(parts) != 1 || len(parts[0])%common.AddressLength != 0 {
		return nil, nil, refuse("accounts wants one byte string of addresses of 20 bytes")
	}
	if params.Block == nil {
		heads, err := chain.Heads()
		if err != nil {
			return nil, nil, err
		}
		params.Block = &heads.Head
	}
	header, err := chain.Header(*params.Block)
	if err != nil {
		return nil, nil, err
	}
	if header == nil {
		return nil, nil, &engine.Error{Code: engine.UnknownBlock, Message: fmt.Sprintf("the block %s is not known", *params.Block)}
	}
	statedb, err := chain.State(header)
	if err != nil {
		return nil, nil, err
	}
	result := accountsResult{Accounts: []accountView{}}
	for rest := parts[0]; len(rest) > 0; rest = rest[common.AddressLength:] {
		address := common.BytesToAddress(rest[:common.AddressLength])
		_, delegated := types.ParseDelegation(statedb.GetCode(address))
		result.Accounts = append(result.Accounts, accountView{Uint64(statedb.GetNonce(address)), statedb.GetBalance(address).Dec(), delegated})
	}
	return result, nil, chain.StateFault(header, statedb.Error())
}

func prune(chain *engine.Chain, raw json.RawMessage) (any, [][]byte, error) {
	var params struct {
		BudgetMs Uint64 `json:"budgetMs"`
	}
	if err := read(raw, &params); err != nil {
		return nil, nil, err
	}
	budget := time.Duration(min(params.BudgetMs, 60_000)) * time.Millisecond
	done, deleted, err := chain.Prune(budget)
	return pruneResult{done, deleted}, nil, err
}

func (s *Server) rpc(ctx context.Context, chain *engine.Chain, raw json.RawMessage) (any, [][]byte, error) {
	var params rpcParams
	if err := read(raw, &params); err != nil {
		return nil, nil, err
	}
	if params.TimeoutMs > 0 {
		ctx = limited{ctx, time.Now().Add(time.Duration(params.TimeoutMs) * time.Millisecond)}
	}
	result, failure := s.Reads(ctx, chain, params.Method, params.Params, uint64(params.GasCap))
	if ctx.Err() == context.Canceled {
		return nil, nil, &engine.Error{Code: engine.Cancelled, Message: "the request was cancelled"}
	}
	return rpcResult{result, failure}, nil, nil
}

// limited is a context whose deadline is seen by who asks, without a timer: in WebAssembly none fires.
type limited struct {
	context.Context
	deadline time.Time
}

func (l limited) Deadline() (time.Time, bool) { return l.deadline, true }

func (l limited) Err() error {
	if err := l.Context.Err(); err != nil {
		return err
	}
	if time.Now().After(l.deadline) {
		return context.DeadlineExceeded
	}
	return nil
}
