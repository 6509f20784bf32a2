// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// BenchmarkBuild builds blocks of 500 transfers of 250 accounts, senders handed over, on memory.
func BenchmarkBuild(bench *testing.B) {
	accounts := testAccounts(250)
	b := newBuilder(bench, open(bench, testGenesis(testForks{}, accounts), NewMemory(), Options{}), accounts, 1)
	head := b.head()
	nonce := uint64(0)
	bench.ResetTimer()
	for bench.Loop() {
		bench.StopTimer()
		var transactions []*types.Transaction
		senders := []common.Address{{}}
		for range 2 {
			for i, account := range accounts {
				to := accounts[(i+7)%len(accounts)].address
				transactions = append(transactions, b.sign(account, &types.DynamicFeeTx{ChainID: big.NewInt(testChainID), Nonce: nonce, GasFeeCap: big.NewInt(1e13), Gas: 21000, To: &to, Value: big.NewInt(1)}))
				senders = append(senders, account.address)
			}
			nonce++
		}
		a := b.attributes(head, transactions...)
		a.Senders = senders
		bench.StartTimer()
		head = b.build(head.Hash(), a).Header()
	}
}
