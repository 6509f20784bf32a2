package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"math/big"

	"github.com/ethereum-optimism/optimism/op-batcher/compressor"
	"github.com/ethereum-optimism/optimism/op-node/rollup"
	"github.com/ethereum-optimism/optimism/op-node/rollup/derive"
	"github.com/ethereum-optimism/optimism/op-service/eth"
	"github.com/ethereum-optimism/optimism/op-service/testutils"
	"github.com/ethereum/go-ethereum/params"
)

func spanJSON(b *derive.SpanBatch) any {
	blocks := []any{}
	for i := 0; i < b.GetBlockCount(); i++ {
		blocks = append(blocks, map[string]any{"epoch": fmt.Sprint(b.GetBlockEpochNum(i)), "time": fmt.Sprint(b.GetBlockTimestamp(i)), "txs": b.GetBlockTransactions(i)})
	}
	return map[string]any{"type": "span", "parentCheck": hex.EncodeToString(b.ParentCheck[:]), "originCheck": hex.EncodeToString(b.L1OriginCheck[:]), "blocks": blocks}
}

func singJSON(s *derive.SingularBatch) any {
	return map[string]any{"type": "singular", "parent": s.ParentHash, "epoch": fmt.Sprint(uint64(s.EpochNum)), "epochHash": s.EpochHash, "time": fmt.Sprint(s.Timestamp), "txs": s.Transactions}
}

func readBatch(data []byte, cfg *rollup.Config) any {
	var bd derive.BatchData
	if err := bd.UnmarshalBinary(data); err != nil {
		return map[string]any{"err": err.Error()}
	}
	if bd.GetBatchType() == derive.SingularBatchType {
		s, err := derive.GetSingularBatch(&bd)
		if err != nil {
			return map[string]any{"err": err.Error()}
		}
		return singJSON(s)
	}
	s, err := derive.DeriveSpanBatch(&bd, cfg)
	if err != nil {
		return map[string]any{"spanErr": err.Error()}
	}
	return spanJSON(s)
}

func channel(r *Req) any {
	out := []any{}
	f, err := derive.BatchReader(bytes.NewReader(r.Data), r.MaxRlp, r.Fjord)
	if err != nil {
		return map[string]any{"batches": out, "end": "unusable", "err": err.Error()}
	}
	for {
		bd, err := f()
		if err == io.EOF {
			return map[string]any{"batches": out, "end": "end"}
		}
		if err != nil {
			return map[string]any{"batches": out, "end": "invalid", "err": err.Error()}
		}
		if bd.GetBatchType() == derive.SingularBatchType {
			s, err := derive.GetSingularBatch(bd)
			if err != nil {
				return map[string]any{"batches": out, "end": "invalid", "err": err.Error()}
			}
			out = append(out, singJSON(s))
			continue
		}
		s, err := derive.DeriveSpanBatch(bd, r.Cfg)
		if err != nil {
			out = append(out, map[string]any{"type": "malformed-span", "err": err.Error()})
			continue
		}
		out = append(out, spanJSON(s))
	}
}

func payload(cfg *rollup.Config, b BatchBlock) *eth.ExecutionPayload {
	info := &testutils.MockBlockInfo{InfoHash: b.EpochHash, InfoNum: b.Epoch, InfoTime: b.Time, InfoBaseFee: big.NewInt(1)}
	dep, err := derive.L1InfoDepositBytes(cfg, params.MainnetChainConfig, cfg.Genesis.SystemConfig, b.Seq, info, b.Time)
	if err != nil {
		panic(err)
	}
	p := &eth.ExecutionPayload{ParentHash: b.ParentHash, Timestamp: eth.Uint64Quantity(b.Time), Transactions: []eth.Data{dep}}
	for _, t := range b.Txs {
		p.Transactions = append(p.Transactions, eth.Data(t))
	}
	return p
}

func channelOut(r *Req) (derive.ChannelOut, error) {
	spec := rollup.NewChainSpec(r.Cfg)
	if r.Kind == "span" {
		opts := []derive.SpanChannelOutOption{}
		if r.MaxSpan > 0 {
			opts = append(opts, derive.WithMaxBlocksPerSpanBatch(r.MaxSpan))
		}
		return derive.NewSpanChannelOut(r.Target, derive.CompressionAlgo(r.Algo), spec, opts...)
	}
	c, err := compressor.NewShadowCompressor(compressor.Config{TargetOutputSize: r.Target, Kind: compressor.ShadowKind, CompressionAlgo: derive.CompressionAlgo(r.Algo)})
	if err != nil {
		return nil, err
	}
	return derive.NewSingularChannelOut(c, spec)
}

// Fills a channel with blocks until it is full, and cuts it into frames.
func fill(r *Req, payloads []*eth.ExecutionPayload) (added int, full string, frames []H, input int, err error) {
	co, err := channelOut(r)
	if err != nil {
		return
	}
	for _, p := range payloads {
		if _, e := co.AddBlock(r.Cfg, p); e != nil {
			full = e.Error()
			break
		}
		added++
	}
	if err = co.Close(); err != nil {
		return
	}
	input = co.InputBytes()
	for {
		var buf bytes.Buffer
		_, err = co.OutputFrame(&buf, r.Frame)
		frames = append(frames, append([]byte{0}, buf.Bytes()...))
		if err == io.EOF {
			return added, full, frames, input, nil
		}
		if err != nil {
			return
		}
	}
}

func payloads(r *Req) []*eth.ExecutionPayload {
	out := make([]*eth.ExecutionPayload, len(r.Blocks))
	for i, b := range r.Blocks {
		out[i] = payload(r.Cfg, b)
	}
	return out
}

func encode(r *Req) any {
	added, full, frames, input, err := fill(r, payloads(r))
	if err != nil {
		return map[string]any{"err": err.Error()}
	}
	return map[string]any{"added": added, "full": full, "frames": frames, "input": input}
}
