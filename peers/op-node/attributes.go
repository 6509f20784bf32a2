package main

import (
	"context"
	"errors"

	"github.com/ethereum-optimism/optimism/op-core/eip1559"
	"github.com/ethereum-optimism/optimism/op-node/rollup"
	"github.com/ethereum-optimism/optimism/op-node/rollup/derive"
	"github.com/ethereum-optimism/optimism/op-service/eth"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/params"
)

func extraFor(cfg *rollup.Config, a *eth.PayloadAttributes) []byte {
	t := uint64(a.Timestamp)
	if !cfg.IsHolocene(t) {
		return nil
	}
	d, e := eip1559.DecodeHolocene1559Params(a.EIP1559Params[:])
	if d == 0 {
		d, e = *cfg.ChainOpConfig.EIP1559DenominatorCanyon, cfg.ChainOpConfig.EIP1559Elasticity
	}
	if cfg.IsJovian(t) {
		return eip1559.EncodeJovianExtraData(d, e, *a.MinBaseFee)
	}
	return eip1559.EncodeHoloceneExtraData(d, e)
}

type oneCfg struct{ s eth.SystemConfig }

func (o oneCfg) SystemConfigByL2Hash(context.Context, common.Hash) (eth.SystemConfig, error) {
	return o.s, nil
}

func attrs(r *Req) any {
	l1 := &fakeL1{byHash: map[common.Hash]*L1B{}, byNum: map[uint64]*L1B{}}
	for i := range r.L1 {
		l1.byHash[r.L1[i].Hash] = &r.L1[i]
	}
	b := derive.NewFetchingAttributesBuilder(r.Cfg, params.MainnetChainConfig, nil, l1, oneCfg{r.SysCfg})
	a, err := b.PreparePayloadAttributes(context.Background(), r.Parent, r.Epoch)
	if err != nil {
		return map[string]any{"err": err.Error(), "critical": errors.Is(err, derive.ErrCritical)}
	}
	out := map[string]any{"attrs": a}
	// what the next block reads back
	p := &eth.ExecutionPayload{BlockNumber: eth.Uint64Quantity(r.Parent.Number + 1), GasLimit: *a.GasLimit, Timestamp: a.Timestamp, ExtraData: extraFor(r.Cfg, a), Transactions: a.Transactions}
	sc, err := derive.PayloadToSystemConfig(r.Cfg, p)
	if err != nil {
		out["readErr"] = err.Error()
	} else {
		out["next"] = sc
	}
	return out
}
