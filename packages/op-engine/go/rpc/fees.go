// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/common/math"
	"github.com/ethereum/go-ethereum/consensus/misc/eip1559"
	"github.com/ethereum/go-ethereum/consensus/misc/eip4844"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
)

// Settings of geth's price oracle, as a full node has them.
const (
	sampledBlocks       = 20
	sampledTransactions = 3 // of each block, the cheapest
	sampledPercentile   = 60
	maxFeeHistory       = 1024 // blocks
	maxPercentiles      = 100
)

var (
	maxTip      = big.NewInt(500 * params.GWei)
	ignoredTip  = big.NewInt(2) // lower ones are no sample
	opStackTip  = big.NewInt(1_000_000)
	errQuantile = errors.New("invalid reward percentile")
)

func gasPrice(c *call) (*hexutil.Big, error) {
	tip, err := c.suggestTip()
	if err != nil {
		return nil, err
	}
	head, err := c.head()
	if err != nil {
		return nil, err
	}
	if head.BaseFee != nil {
		tip.Add(tip, head.BaseFee)
	}
	return (*hexutil.Big)(tip), nil
}

func maxPriorityFeePerGas(c *call) (*hexutil.Big, error) {
	tip, err := c.suggestTip()
	return (*hexutil.Big)(tip), err
}

// nextBaseFee is what a transaction of the next block must pay.
func nextBaseFee(c *call) (*hexutil.Big, error) {
	head, err := c.head()
	if err != nil {
		return nil, err
	}
	config := c.chain.Config()
	if !config.IsLondon(new(big.Int).Add(head.Number, common.Big1)) {
		return nil, nil
	}
	return (*hexutil.Big)(eip1559.CalcBaseFee(config, head, head.Time+1)), nil
}

func blobBaseFee(c *call) (*hexutil.Big, error) {
	head, err := c.head()
	if err != nil || head.ExcessBlobGas == nil {
		return nil, err
	}
	return (*hexutil.Big)(eip4844.CalcBlobFee(c.chain.Config(), head)), nil
}

// suggestTip is the oracle's: on an OP chain a least tip, and more where blocks are full; else what recent transactions paid.
func (c *call) suggestTip() (*big.Int, error) {
	head, err := c.head()
	if err != nil {
		return nil, err
	}
	var tip *big.Int
	if c.chain.Config().IsOptimism() {
		tip, err = c.opStackTip(head)
	} else {
		tip, err = c.sampledTip(head)
	}
	if err != nil {
		return nil, err
	}
	if tip.Cmp(maxTip) > 0 {
		tip = maxTip
	}
	return new(big.Int).Set(tip), nil
}

// opStackTip: one sequencer orders by arrival, so that a tip matters only when not all transactions fit. A block held for full is
// one that its largest transaction would not have fitted in once more.
func (c *call) opStackTip(head *types.Header) (*big.Int, error) {
	block, err := c.chain.Block(head.Hash())
	if err != nil {
		return nil, err
	}
	receipts, err := c.chain.Receipts(head.Hash())
	if err != nil {
		return nil, err
	}
	var largest uint64
	for _, receipt := range receipts {
		largest = max(largest, receipt.GasUsed)
	}
	if largest > head.GasLimit || head.GasUsed+largest <= head.GasLimit || len(block.Transactions()) == 0 {
		return opStackTip, nil
	}
	tips := make([]*big.Int, len(block.Transactions()))
	for i, tx := range block.Transactions() {
		tips[i], _ = tx.EffectiveGasTip(head.BaseFee)
	}
	slices.SortFunc(tips, (*big.Int).Cmp)
	median := tips[len(tips)/2]
	higher := new(big.Int).Add(median, new(big.Int).Div(median, big.NewInt(10)))
	if higher.Cmp(opStackTip) < 0 {
		return opStackTip, nil
	}
	return higher, nil
}

// sampledTip is a percentile of the least tips of recent blocks; twice as many blocks are looked at where they say little.
func (c *call) sampledTip(head *types.Header) (*big.Int, error) {
	var samples []*big.Int
	previous := new(big.Int)
	pending, number := sampledBlocks, head.Number.Uint64()
	for ; pending > 0 && number > 0; pending, number = pending-1, number-1 {
		c.did(20_000)
		tips, err := c.leastTips(number)
		if err != nil {
			return nil, err
		}
		if len(tips) == 0 {
			tips = []*big.Int{previous}
		}
		if len(tips) == 1 && len(samples)+1+pending-1 < 2*sampledBlocks {
			pending++
		}
		samples = append(samples, tips...)
	}
	if len(samples) == 0 {
		return previous, nil
	}
	slices.SortFunc(samples, (*big.Int).Cmp)
	return samples[(len(samples)-1)*sampledPercentile/100], nil
}

func (c *call) leastTips(number uint64) (least []*big.Int, err error) {
	block, err := c.blockByNumber(BlockNumber(number))
	if block == nil || err != nil {
		return nil, err
	}
	signer := types.MakeSigner(c.chain.Config(), block.Number(), block.Time())
	type paid struct {
		tip *big.Int
		tx  *types.Transaction
	}
	var all []paid
	for _, tx := range block.Transactions() {
		tip, _ := tx.EffectiveGasTip(block.BaseFee())
		all = append(all, paid{tip, tx})
	}
	slices.SortStableFunc(all, func(a, b paid) int { return a.tip.Cmp(b.tip) })
	for _, paid := range all {
		if paid.tip.Cmp(ignoredTip) < 0 {
			continue
		}
		if from, err := types.Sender(signer, paid.tx); err != nil || from == block.Coinbase() {
			continue
		}
		if least = append(least, paid.tip); len(least) == sampledTransactions {
			break
		}
	}
	return least, nil
}

type feeHistoryResult struct {
	OldestBlock      *hexutil.Big     `json:"oldestBlock"`
	Reward           [][]*hexutil.Big `json:"reward,omitempty"`
	BaseFee          []*hexutil.Big   `json:"baseFeePerGas,omitempty"`
	GasUsedRatio     []float64        `json:"gasUsedRatio"`
	BlobBaseFee      []*hexutil.Big   `json:"baseFeePerBlobGas,omitempty"`
	BlobGasUsedRatio []float64        `json:"blobGasUsedRatio,omitempty"`
}

func feeHistory(c *call, count math.HexOrDecimal64, newest BlockNumber, percentiles []float64) (*feeHistoryResult, error) {
	nothing := &feeHistoryResult{OldestBlock: new(hexutil.Big)}
	if count < 1 {
		return nothing, nil
	}
	if len(percentiles) > maxPercentiles {
		return nil, fmt.Errorf("%w: over the query limit %d", errQuantile, maxPercentiles)
	}
	blocks := min(uint64(count), maxFeeHistory)
	for i, p := range percentiles {
		if p < 0 || p > 100 {
			return nil, fmt.Errorf("%w: %f", errQuantile, p)
		}
		if i > 0 && p <= percentiles[i-1] {
			return nil, fmt.Errorf("%w: #%d:%f >= #%d:%f", errQuantile, i-1, percentiles[i-1], i, p)
		}
	}
	head, err := c.head()
	if err != nil {
		return nil, err
	}
	if newest > BlockNumber(head.Number.Uint64()) {
		return nil, fmt.Errorf("request beyond head block: requested %d, head %d", newest, head.Number)
	}
	last := uint64(newest)
	if newest < 0 {
		header, err := c.headerByNumber(newest)
		if header == nil || err != nil {
			return nil, err
		}
		if newest == pending && !c.chain.Config().IsOptimism() {
			blocks-- // the block that geth would be making
		}
		last = header.Number.Uint64()
	}
	if blocks = min(blocks, last+1); blocks == 0 {
		return nothing, nil
	}
	first := last + 1 - blocks
	answer := &feeHistoryResult{OldestBlock: (*hexutil.Big)(new(big.Int).SetUint64(first))}
	for number := first; number <= last; number++ {
		c.did(5000)
		if err := c.addFees(answer, number, percentiles); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

// addFees adds a block, and what its successor will ask for in place of what was foreseen before.
func (c *call) addFees(answer *feeHistoryResult, number uint64, percentiles []float64) error {
	config := c.chain.Config()
	header, err := c.headerByNumber(BlockNumber(number))
	if err != nil {
		return err
	}
	if header == nil {
		return errors.New("header not found")
	}
	fee, next := header.BaseFee, new(big.Int)
	if fee == nil {
		fee = new(big.Int)
	}
	if config.IsLondon(new(big.Int).SetUint64(number + 1)) {
		next = eip1559.CalcBaseFee(config, header, header.Time+1)
	}
	blobFee, nextBlobFee, blobRatio := new(big.Int), new(big.Int), 0.0
	if header.ExcessBlobGas != nil {
		blobFee = eip4844.CalcBlobFee(config, header)
		excess := eip4844.CalcExcessBlobGas(config, header, header.Time)
		nextBlobFee = eip4844.CalcBlobFee(config, &types.Header{Number: header.Number, Time: header.Time, ExcessBlobGas: &excess})
	}
	if most := eip4844.MaxBlobGasPerBlock(config, header.Time); header.BlobGasUsed != nil && most != 0 {
		blobRatio = float64(*header.BlobGasUsed) / float64(most)
	}
	answer.BaseFee = foresee(answer.BaseFee, fee, next)
	answer.BlobBaseFee = foresee(answer.BlobBaseFee, blobFee, nextBlobFee)
	answer.GasUsedRatio = append(answer.GasUsedRatio, float64(header.GasUsed)/float64(header.GasLimit))
	answer.BlobGasUsedRatio = append(answer.BlobGasUsedRatio, blobRatio)
	if len(percentiles) == 0 {
		return nil
	}
	rewards, err := c.rewards(header, percentiles)
	answer.Reward = append(answer.Reward, rewards)
	return err
}

func foresee(fees []*hexutil.Big, now, next *big.Int) []*hexutil.Big {
	if len(fees) > 0 {
		fees = fees[:len(fees)-1]
	}
	return append(fees, (*hexutil.Big)(now), (*hexutil.Big)(next))
}

// rewards are percentiles of the tips of a block, weighted by gas.
func (c *call) rewards(header *types.Header, percentiles []float64) ([]*hexutil.Big, error) {
	block, err := c.chain.Block(header.Hash())
	if err != nil {
		return nil, err
	}
	receipts, err := c.chain.Receipts(header.Hash())
	if err != nil {
		return nil, err
	}
	type paid struct {
		gas uint64
		tip *big.Int
	}
	all := make([]paid, len(receipts))
	for i, tx := range block.Transactions() {
		tip, _ := tx.EffectiveGasTip(header.BaseFee)
		all[i] = paid{receipts[i].GasUsed, tip}
	}
	slices.SortStableFunc(all, func(a, b paid) int { return a.tip.Cmp(b.tip) })
	rewards := make([]*hexutil.Big, len(percentiles))
	at, gas := 0, uint64(0)
	if len(all) > 0 {
		gas = all[0].gas
	}
	for i, p := range percentiles {
		if len(all) == 0 {
			rewards[i] = new(hexutil.Big)
			continue
		}
		for threshold := uint64(float64(header.GasUsed) * p / 100); gas < threshold && at < len(all)-1; {
			at++
			gas += all[at].gas
		}
		rewards[i] = (*hexutil.Big)(all[at].tip)
	}
	return rewards, nil
}
