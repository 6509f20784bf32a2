// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
)

// A transfer of ether is shown as one of a token would be: Transfer(address,address,uint256), from the address of ERC-7528.
var (
	transferTopic = common.HexToHash("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")
	etherAddress  = common.HexToAddress("0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE")
)

// transferRecorder collects the logs of simulated calls, and transfers of ether among them where they are wanted.
type transferRecorder struct {
	transfers bool
	number    uint64
	time      uint64
	grow      func(int)

	tx     common.Hash
	index  uint
	count  uint           // of logs in the block, those of failed frames included
	frames [][]*types.Log // that are open; the last is the innermost
	ended  []*types.Log
}

func (r *transferRecorder) begin(tx common.Hash, index uint) {
	r.tx, r.index, r.frames, r.ended = tx, index, nil, nil
}

// logs are those of the call that ended.
func (r *transferRecorder) logs() []*types.Log {
	if r.ended == nil {
		return []*types.Log{}
	}
	return r.ended
}

func (r *transferRecorder) hooks() *tracing.Hooks {
	return &tracing.Hooks{
		OnEnter: func(_ int, kind byte, from, to common.Address, _ []byte, _ uint64, value *big.Int) {
			r.frames = append(r.frames, nil)
			if r.transfers && vm.OpCode(kind) != vm.DELEGATECALL && value != nil && value.Sign() > 0 {
				topics := []common.Hash{transferTopic, common.BytesToHash(from[:]), common.BytesToHash(to[:])}
				r.add(etherAddress, topics, common.BigToHash(value).Bytes())
			}
		},
		OnExit: func(depth int, _ []byte, _ uint64, _ error, reverted bool) {
			last := len(r.frames) - 1
			if last < 0 {
				return
			}
			logs := r.frames[last]
			if r.frames = r.frames[:last]; reverted {
				logs = nil
			}
			if last == 0 {
				r.ended = logs
			} else {
				r.frames[last-1] = append(r.frames[last-1], logs...)
			}
		},
		OnLog: func(log *types.Log) { r.add(log.Address, log.Topics, log.Data) },
	}
}

func (r *transferRecorder) add(address common.Address, topics []common.Hash, data []byte) {
	if len(r.frames) == 0 {
		return
	}
	r.grow(512 + 70*len(topics) + 2*len(data))
	last := len(r.frames) - 1
	r.frames[last] = append(r.frames[last], &types.Log{
		Address: address, Topics: topics, Data: data,
		BlockNumber: r.number, BlockTimestamp: r.time, TxHash: r.tx, TxIndex: r.index, Index: r.count,
	})
	r.count++
}
