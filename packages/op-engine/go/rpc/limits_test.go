// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm/program"

	"opengine/engine"
)

// clock is a context whose time is over after some looks at it, without a timer, as in WebAssembly.
type clock struct {
	context.Context
	deadline time.Time
	looks    int
	err      error
}

func (c *clock) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

func (c *clock) Err() error {
	if c.looks--; c.looks < 0 {
		return c.err
	}
	return nil
}

func overtime(t *testing.T, timeout time.Duration, looks int) *clock {
	return &clock{t.Context(), time.Now().Add(timeout), looks, context.DeadlineExceeded}
}

func wantFailure(t *testing.T, failure *Error, code int, words string) {
	t.Helper()
	if failure == nil || failure.Code != code || !strings.Contains(failure.Message, words) {
		t.Fatalf("expected %d %q, got %v", code, words, failure)
	}
}

// Each of these runs for ever, or nearly, and ends when its time is over.
func TestTimeLimit(t *testing.T) {
	chain := newOpChain(t)
	loop := fmt.Sprintf(`{"to":%q,"gas":"0x7fffffffffffffff"}`, looper)
	// sha256 in straight lines of code, without a jump: geth's own cancelling waits for one.
	straight := program.New()
	for range 800 {
		straight.StaticCall(nil, common.BytesToAddress([]byte{2}), 0, 100_000, 0, 32)
	}
	calls := fmt.Sprintf(`{"to":%q,"gas":"0x7fffffffffffffff"},"latest",{%q:{"code":"%#x"}}`, writer, writer, straight.Bytes())
	aborted := "execution aborted (timeout = " // what of the five seconds is left when it begins
	for _, test := range []struct {
		method, params, words string
		code                  int
	}{
		{"eth_call", `[` + loop + `,"latest"]`, aborted, codeDefault},
		{"eth_call", `[` + calls + `]`, aborted, codeDefault},
		{"eth_estimateGas", `[` + loop + `]`, aborted, codeDefault},
		{"eth_createAccessList", fmt.Sprintf(`[{"from":%q,"to":%q,"gas":"0x1000000"}]`, chain.users[0].address, looper), aborted, codeDefault},
		{"eth_simulateV1", `[{"blockStateCalls":[{"blockOverrides":{"gasLimit":"0x7fffffffffffffff"},"calls":[` + loop + `]}]}]`, aborted, codeDefault},
		{"debug_traceCall", `[` + loop + `,"latest",{"tracer":"callTracer"}]`, "execution timeout", codeDefault},
		{"debug_traceBlockByNumber", `["0x6",{"tracer":"4byteTracer"}]`, "execution timeout", codeDefault},
		{"debug_traceTransaction", fmt.Sprintf(`[%q,{"tracer":"noopTracer"}]`, chain.blocks[5].Transactions()[5].Hash()), "execution timeout", codeDefault},
		{"debug_intermediateRoots", fmt.Sprintf(`[%q]`, chain.blocks[5].Hash()), "execution timeout", codeDefault},
		{"eth_getLogs", `[{"fromBlock":"0x0"}]`, "request timed out", codeTimeout},
	} {
		looks := 10
		if test.method == "eth_getLogs" {
			looks = 0
		}
		_, failure := Handle(overtime(t, 5*time.Second, looks), chain, test.method, json.RawMessage(test.params), 0)
		wantFailure(t, failure, test.code, test.words)
	}
}

// A tracer's own time limit is shorter than the request's.
func TestTraceTimeLimit(t *testing.T) {
	chain := newOpChain(t)
	params := fmt.Sprintf(`[{"to":%q,"gas":"0x7fffffffffffffff"},"latest",{"tracer":"noopTracer","timeout":"1ms"}]`, looper)
	_, failure := Handle(t.Context(), chain, "debug_traceCall", json.RawMessage(params), 0)
	wantFailure(t, failure, codeDefault, "execution timeout")
}

func TestCancel(t *testing.T) {
	chain := newOpChain(t)
	gone := &clock{t.Context(), time.Time{}, 3, context.Canceled}
	_, failure := Handle(gone, chain, "eth_call", json.RawMessage(fmt.Sprintf(`[{"to":%q}]`, looper)), 0)
	wantFailure(t, failure, codeDefault, "context canceled")
}

func TestGasCap(t *testing.T) {
	chain := newOpChain(t)
	call := fmt.Sprintf(`[{"to":%q,"gas":"0x7fffffffffffffff"}]`, looper)
	_, failure := Handle(t.Context(), chain, "eth_call", json.RawMessage(call), 1_000_000)
	wantFailure(t, failure, codeDefault, "out of gas")
	_, failure = Handle(t.Context(), chain, "eth_estimateGas", json.RawMessage(call), 1_000_000)
	wantFailure(t, failure, codeDefault, "gas required exceeds allowance (1000000)")
	simulate := fmt.Sprintf(`[{"blockStateCalls":[{"calls":[{"to":%q},{"to":%q}]}]}]`, looper, looper)
	result, failure := Handle(t.Context(), chain, "eth_simulateV1", json.RawMessage(simulate), 1_000_000)
	if failure == nil {
		t.Fatalf("two calls of the whole gas each: %s", result)
	}
}

// What would fill memory ends with an error instead.
func TestAnswerSize(t *testing.T) {
	chain := newOpChain(t)
	// returns 1 MB
	large := program.New().Return(0, 1<<20).Bytes()
	override := fmt.Sprintf(`{%q:{"code":"%#x"}}`, writer, large)
	for _, test := range []struct{ method, params string }{
		{"debug_traceCall", fmt.Sprintf(`[{"to":%q},"latest"]`, looper)},
		{"debug_traceCall", fmt.Sprintf(`[{"to":%q},"latest",{"enableMemory":true,"disableStack":true}]`, looper)},
		{"eth_call", fmt.Sprintf(`[{"to":%q},"latest",%s]`, writer, override)},
		{"eth_simulateV1", fmt.Sprintf(`[{"blockStateCalls":[{"stateOverrides":%s,"calls":[{"to":%q}]}]}]`, override, writer)},
		{"debug_traceCall", fmt.Sprintf(`[{"to":%q},"latest",{"tracer":"callTracer","stateOverrides":%s}]`, writer, override)},
		{"debug_traceCall", fmt.Sprintf(`[{"to":%q},"latest",{"tracer":"flatCallTracer","stateOverrides":%s}]`, writer, override)},
		{"debug_traceCall", fmt.Sprintf(`[{"to":%q},"latest",{"tracer":"muxTracer","tracerConfig":{"callTracer":{},"noopTracer":{}},"stateOverrides":%s}]`, writer, override)},
		{"eth_getLogs", `[{"fromBlock":"0x0"}]`},
		{"debug_traceCall", fmt.Sprintf(`[{"to":%q},"latest",{"tracer":"callTracer","tracerConfig":{"withLog":true}}]`, burner)},
		{"eth_simulateV1", fmt.Sprintf(`[{"blockStateCalls":[{"calls":[{"to":%q}]}]}]`, burner)},
		{"eth_getBlockReceipts", `["0x5"]`},
		{"eth_getBlockByNumber", `["0x5",true]`},
		{"debug_getRawReceipts", `["0x5"]`},
	} {
		small := Handler{Limits: Limits{AnswerBytes: 10_000}}
		_, failure := small.Handle(t.Context(), chain, test.method, json.RawMessage(test.params), 50_000_000)
		if failure == nil || failure.Code != codeResponseTooLarge {
			t.Errorf("%s(%.200s): %v", test.method, test.params, failure)
		}
	}
}

func TestLogLimits(t *testing.T) {
	chain := newOpChain(t)
	few := Handler{Limits: Limits{LogBlocks: 3, Logs: 2}}
	_, failure := few.Handle(t.Context(), chain, "eth_getLogs", json.RawMessage(`[{"fromBlock":"0x1","toBlock":"0x4"}]`), 0)
	wantFailure(t, failure, codeDefault, "exceed maximum block range: 3")
	_, failure = few.Handle(t.Context(), chain, "eth_getLogs", json.RawMessage(`[{"fromBlock":"0x3","toBlock":"0x5"}]`), 0)
	wantFailure(t, failure, codeDefault, "query returned more than 2 results")
	if _, failure = few.Handle(t.Context(), chain, "eth_getLogs", json.RawMessage(`[{"fromBlock":"0x1","toBlock":"0x2"}]`), 0); failure != nil {
		t.Fatal(failure)
	}
	addresses := strings.Repeat(`"`+writer.Hex()+`",`, maxAlternatives) + `"` + writer.Hex() + `"`
	_, failure = few.Handle(t.Context(), chain, "eth_getLogs", json.RawMessage(`[{"address":[`+addresses+`]}]`), 0)
	wantFailure(t, failure, codeDefault, "exceed max addresses or topics per search position")
}

// What an engine no longer keeps has geth's words for it.
func TestPruned(t *testing.T) {
	chain := newOpChain(t)
	kept, err := engine.Open(chain.file, engine.NewMemory(), engine.Options{History: engine.History{States: 1, Bodies: 1}})
	if err != nil {
		t.Fatal(err)
	}
	chain.Chain, chain.blocks = kept, nil
	chain.fill(t)
	for nonce := range uint64(4) { // enough nodes for a cycle of pruning
		tx, err := types.SignNewTx(chain.users[4].key, types.LatestSignerForChainID(big.NewInt(opChainID)), &types.LegacyTx{Nonce: nonce + 1, GasPrice: big.NewInt(20_000_000_000), Gas: 28_000_000, To: &filler})
		if err != nil {
			t.Fatal(err)
		}
		chain.build(t, tx)
	}
	chain.settle(t)
	for done := false; !done; {
		if done, _, err = kept.Prune(time.Second); err != nil {
			t.Fatal(err)
		}
	}
	states, bodies, err := kept.Kept()
	if err != nil || states < 2 || bodies != states { // one behind the finalized block, 6
		t.Fatalf("kept from %d and %d: %v", states, bodies, err)
	}
	genesis := kept.Genesis().Hex()
	for _, test := range []struct {
		method, params, words string
		code                  int
	}{
		{"eth_getBalance", `["` + writer.Hex() + `","0x0"]`, "missing trie node", codeDefault},
		{"eth_call", `[{"to":"` + writer.Hex() + `"},"0x0"]`, "missing trie node", codeDefault},
		{"eth_getProof", `["` + writer.Hex() + `",[],"0x0"]`, "missing trie node", codeDefault},
		{"eth_getBlockByNumber", `["0x0",false]`, "pruned history unavailable", codeHistoryPruned},
		{"eth_getBlockByHash", `["` + genesis + `",false]`, "pruned history unavailable", codeHistoryPruned},
		{"eth_getBlockReceipts", `["0x0"]`, "pruned history unavailable", codeHistoryPruned},
		{"eth_getLogs", `[{"fromBlock":"0x0"}]`, "pruned history unavailable", codeHistoryPruned},
		{"debug_traceBlockByNumber", `["` + hexutil.EncodeUint64(states) + `",{"tracer":"callTracer"}]`, "required historical state unavailable (reexec=128)", codeDefault},
		{"debug_traceCall", `[{"to":"` + writer.Hex() + `"},"0x0"]`, "pruned history unavailable", codeHistoryPruned},
	} {
		_, failure := Handle(t.Context(), kept, test.method, json.RawMessage(test.params), 50_000_000)
		if failure == nil || failure.Code != test.code || !strings.Contains(failure.Message, test.words) {
			t.Errorf("%s%s: expected %d %q, got %v", test.method, test.params, test.code, test.words, failure)
		}
	}
	earliest, failure := Handle(t.Context(), kept, "eth_getBlockByNumber", json.RawMessage(`["earliest",false]`), 0)
	if failure != nil || !strings.Contains(string(earliest), hexutil.Encode(chain.blocks[bodies-1].Hash().Bytes())) {
		t.Errorf("the earliest block that is kept: %s %v", earliest, failure)
	}
	if _, failure := Handle(t.Context(), kept, "eth_getHeaderByNumber", json.RawMessage(`["0x0"]`), 0); failure != nil {
		t.Errorf("headers are kept for ever: %v", failure)
	}
}
