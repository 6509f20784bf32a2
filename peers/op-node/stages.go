package main

import (
	"context"
	"encoding/hex"
	"errors"
	"io"

	"github.com/ethereum-optimism/optimism/op-node/rollup"
	"github.com/ethereum-optimism/optimism/op-node/rollup/derive"
	"github.com/ethereum-optimism/optimism/op-service/eth"
	"github.com/ethereum-optimism/optimism/op-service/testutils"
)

type dataSrc struct {
	origin eth.L1BlockRef
	datas  [][]byte
}

func (f *dataSrc) NextData(ctx context.Context) ([]byte, error) {
	if len(f.datas) == 0 {
		return nil, io.EOF
	}
	x := f.datas[0]
	f.datas = f.datas[1:]
	return x, nil
}

func (f *dataSrc) Origin() eth.L1BlockRef { return f.origin }

func stage(r *Req) any {
	src := &dataSrc{}
	fq := derive.NewFrameQueue(lg, r.Cfg, src)
	spec := rollup.NewChainSpec(r.Cfg)
	m := &testutils.TestDerivationMetrics{}
	var st derive.RawChannelProvider
	if r.Cfg.IsHolocene(r.Stage[0].Time) {
		st = derive.NewChannelAssembler(lg, spec, fq, m)
	} else {
		st = derive.NewChannelBank(lg, spec, fq, m)
	}
	out := []any{}
	for _, b := range r.Stage {
		src.origin = eth.L1BlockRef{Number: b.Number, Time: b.Time}
		src.datas = nil
		for _, d := range b.Datas {
			src.datas = append(src.datas, d)
		}
		got := []string{}
		for {
			d, err := st.NextRawChannel(context.Background())
			if err == io.EOF {
				break
			}
			if err == nil {
				if d != nil {
					got = append(got, hex.EncodeToString(d))
				}
				continue
			}
			if errors.Is(err, derive.NotEnoughData) {
				continue
			}
			return map[string]any{"err": err.Error()}
		}
		out = append(out, got)
	}
	return out
}
