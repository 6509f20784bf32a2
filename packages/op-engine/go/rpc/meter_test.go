// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/vm"
)

// BenchmarkMeter runs loops of 50 M gas with the meter and without. What the meter costs is the ratio of both:
//
//	go test -run - -bench Meter ./rpc
//	GOOS=js GOARCH=wasm go test -run - -bench Meter -exec "$(go env GOROOT)/lib/wasm/go_js_wasm_exec" ./rpc
func BenchmarkMeter(b *testing.B) {
	chain := newOpChain(b)
	for name, code := range map[string]string{
		"jumps":      "5b5f56",
		"arithmetic": "5b" + repeat("5850", 100) + "5f56",
		"keccak":     "5b61010060002050" + "5f56",
		"calls":      "5b5f5f5f5f6004615000fa505f56",
	} {
		params := json.RawMessage(fmt.Sprintf(`[{"to":%q},"latest",{%q:{"code":"0x%s"}}]`, looper, looper, code))
		b.Run(name+"/metered", func(b *testing.B) {
			for b.Loop() {
				Handle(b.Context(), chain, "eth_call", params, 50_000_000)
			}
		})
		b.Run(name+"/bare", func(b *testing.B) {
			for b.Loop() {
				bare(b, chain, common.FromHex(code))
			}
		})
	}
}

// bare runs code as eth_call does, without a meter.
func bare(b *testing.B, chain *opChain, code []byte) {
	header := chain.CurrentHeader()
	statedb, err := chain.State(header)
	if err != nil {
		b.Fatal(err)
	}
	statedb.SetCode(looper, code, 0)
	args := TransactionArgs{To: &looper}
	args.fill(50_000_000, header.BaseFee, chain.Config().ChainID)
	message := args.message(header.BaseFee, true)
	block := chain.BlockContext(header, statedb)
	free(&block, message)
	core.ApplyMessage(vm.NewEVM(block, statedb, chain.Config(), vm.Config{NoBaseFee: true}), message, nil)
}

func repeat(text string, count int) (all string) {
	for range count {
		all += text
	}
	return all
}
