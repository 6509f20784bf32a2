// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/core/types"

	"opengine/engine"
)

// Reads run beside the builder, and beside who forgets old states. To be run with -race, too.
func TestReadsBesideBuilder(t *testing.T) {
	chain := newOpChain(t)
	kept, err := engine.Open(chain.file, engine.NewMemory(), engine.Options{History: engine.History{States: 2, Bodies: 3}})
	if err != nil {
		t.Fatal(err)
	}
	all := questions(chain)
	chain.Chain, chain.blocks = kept, nil
	chain.fill(t)
	var readers sync.WaitGroup
	ended := make(chan struct{})
	for reader := range 3 {
		readers.Go(func() {
			for i := reader; ; i += 7 {
				select {
				case <-ended:
					return
				default:
				}
				q := all[i%len(all)]
				_, failure := Handle(t.Context(), kept, q.method, q.encoded(t), 1_000_000)
				if failure != nil && (failure.Message == crashed || failure.Code == codeInternal && q.method != "eth_simulateV1") {
					t.Errorf("%s(%.400s): %v", q.method, q.encoded(t), failure)
				}
			}
		})
	}
	for nonce := range uint64(6) {
		tx, err := types.SignNewTx(chain.users[4].key, types.LatestSignerForChainID(big.NewInt(opChainID)), &types.LegacyTx{Nonce: nonce + 1, GasPrice: big.NewInt(20_000_000_000), Gas: 28_000_000, To: &filler})
		if err != nil {
			t.Fatal(err)
		}
		chain.build(t, tx)
		chain.settle(t)
		if _, _, err := kept.Prune(20 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	close(ended)
	readers.Wait()
	if fault := kept.FaultSince(0); fault != nil {
		t.Fatal(fault)
	}
}
