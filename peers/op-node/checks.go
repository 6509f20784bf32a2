package main

import (
	"context"
	_ "unsafe"

	"github.com/ethereum-optimism/optimism/op-node/rollup"
	"github.com/ethereum-optimism/optimism/op-node/rollup/derive"
	"github.com/ethereum-optimism/optimism/op-service/eth"
	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/log"
)

//go:linkname checkSpanBatchHolocene github.com/ethereum-optimism/optimism/op-node/rollup/derive.checkSpanBatchHolocene
func checkSpanBatchHolocene(ctx context.Context, cfg *rollup.Config, log log.Logger, l1Blocks []eth.L1BlockRef, l2SafeHead eth.L2BlockRef,
	batch *derive.SpanBatch, l1InclusionBlock eth.L1BlockRef, l2Fetcher derive.SafeBlockFetcher,
) derive.BatchValidity

type refL2 struct {
	blocks map[uint64]L2B
	cfg    *rollup.Config
}

func (f *refL2) L2BlockRefByNumber(_ context.Context, n uint64) (eth.L2BlockRef, error) {
	if b, ok := f.blocks[n]; ok {
		return b.Ref, nil
	}
	return eth.L2BlockRef{}, ethereum.NotFound
}

func (f *refL2) PayloadByNumber(_ context.Context, n uint64) (*eth.ExecutionPayloadEnvelope, error) {
	b, ok := f.blocks[n]
	if !ok {
		return nil, ethereum.NotFound
	}
	p := &eth.ExecutionPayload{BlockHash: b.Ref.Hash, ParentHash: b.Ref.ParentHash, BlockNumber: eth.Uint64Quantity(n), Timestamp: eth.Uint64Quantity(b.Ref.Time)}
	for _, t := range b.Txs {
		p.Transactions = append(p.Transactions, eth.Data(t))
	}
	return &eth.ExecutionPayloadEnvelope{ExecutionPayload: p}, nil
}

var verdicts = []string{"drop", "accept", "undecided", "future", "past"}

func check(r *Req) any {
	var bd derive.BatchData
	if err := bd.UnmarshalBinary(r.Data); err != nil {
		return map[string]any{"err": err.Error()}
	}
	l2 := &refL2{blocks: map[uint64]L2B{}, cfg: r.Cfg}
	for _, b := range r.L2 {
		l2.blocks[b.Ref.Number] = b
	}
	if bd.GetBatchType() == derive.SpanBatchType && r.Cfg.IsHolocene(r.Incl.Time) {
		s, err := derive.DeriveSpanBatch(&bd, r.Cfg)
		if err != nil {
			return map[string]any{"err": err.Error()}
		}
		return map[string]any{"verdict": verdicts[checkSpanBatchHolocene(context.Background(), r.Cfg, lg, r.L1Refs, r.Safe, s, r.Incl, l2)]}
	}
	var batch derive.Batch
	var err error
	if bd.GetBatchType() == derive.SingularBatchType {
		batch, err = derive.GetSingularBatch(&bd)
	} else {
		batch, err = derive.DeriveSpanBatch(&bd, r.Cfg)
	}
	if err != nil {
		return map[string]any{"err": err.Error()}
	}
	included := &derive.BatchWithL1InclusionBlock{Batch: batch, L1InclusionBlock: r.Incl}
	return map[string]any{"verdict": verdicts[derive.CheckBatch(context.Background(), r.Cfg, lg, r.L1Refs, r.Safe, included, l2)]}
}
