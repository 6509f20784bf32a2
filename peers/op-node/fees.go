package main

import (
	"github.com/ethereum/go-ethereum/common"
	geip1559 "github.com/ethereum/go-ethereum/consensus/misc/eip1559"
	"github.com/ethereum/go-ethereum/core/types"
)

type state map[common.Hash]common.Hash

func (s state) GetState(_ common.Address, k common.Hash) common.Hash { return s[k] }

func l1cost(r *Req) any {
	cc := r.ChainCfg
	out := []any{}
	for _, raw := range r.Txs {
		rcd := types.NewRollupCostData(raw)
		st := state(r.State)
		f := types.NewL1CostFunc(cc, st)(rcd, r.Time)
		op := types.NewOperatorCostFunc(cc, st)(r.Gas, r.Time)
		out = append(out, map[string]any{"l1": f.String(), "op": op.Dec(), "flz": types.FlzCompressLen(raw), "est": rcd.EstimatedDASize().String()})
	}
	return out
}

func basefee(r *Req) any {
	return geip1559.CalcBaseFee(r.ChainCfg, r.Header, r.Time).String()
}
