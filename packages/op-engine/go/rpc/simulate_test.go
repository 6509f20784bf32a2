// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/consensus/misc/eip1559"
)

// Over blocks that only fill a gap, and over its own, a simulation that validates keeps the fee parameters of the block that it stands on.
func TestSimulatedFees(t *testing.T) {
	for _, fork := range []string{"isthmus", "jovian"} {
		chain := newOpChainIn(t, fork)
		base := chain.blocks[len(chain.blocks)-1].Header()
		denominator, _, _ := eip1559.DecodeOptimismExtraData(chain.Config(), base.Time, base.Extra)
		ask := fmt.Sprintf(`[{"validation":true,"blockStateCalls":[{"blockOverrides":{"number":"%#x"}},{}]},"latest"]`, base.Number.Uint64()+4)
		result, failure := Handle(t.Context(), chain, "eth_simulateV1", json.RawMessage(ask), 1_000_000)
		if failure != nil {
			t.Fatalf("%s: %v", fork, failure)
		}
		var blocks []struct{ BaseFeePerGas hexutil.Uint64 }
		if err := json.Unmarshal(result, &blocks); err != nil || len(blocks) != 5 {
			t.Fatalf("%s: %d blocks, %v", fork, len(blocks), err)
		}
		for i := 1; i < len(blocks); i++ {
			before, fee := uint64(blocks[i-1].BaseFeePerGas), uint64(blocks[i].BaseFeePerGas)
			if want := before - before/denominator; fee != want {
				t.Errorf("%s: base fee %d after %d, want %d", fork, fee, before, want)
			}
		}
	}
}
