// Package main answers questions about the OP Stack's rules with op-node's own packages: one JSON request a line on standard input, one answer
// a line on standard output. Our tests compare what they get here with what ours says.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"github.com/ethereum-optimism/optimism/op-core/forks"
	"github.com/ethereum-optimism/optimism/op-node/rollup/derive"
	"github.com/ethereum-optimism/optimism/op-service/eth"
	"github.com/ethereum/go-ethereum/common"
	geip1559 "github.com/ethereum/go-ethereum/consensus/misc/eip1559"
)

func handle(r *Req) (out any) {
	defer func() {
		if e := recover(); e != nil {
			out = map[string]any{"panic": fmt.Sprint(e)}
		}
	}()
	switch r.Cmd {
	case "frames":
		fs, err := derive.ParseFrames(r.Data)
		if err != nil {
			return map[string]any{"err": err.Error()}
		}
		o := []any{}
		for _, f := range fs {
			o = append(o, []any{hex.EncodeToString(f.ID[:]), f.FrameNumber, hex.EncodeToString(f.Data), f.IsLast})
		}
		return map[string]any{"frames": o}
	case "batch":
		return readBatch(r.Data, r.Cfg)
	case "channel":
		return channel(r)
	case "encode":
		return encode(r)
	case "benchDecode":
		return benchDecode(r)
	case "benchEncode":
		return benchEncode(r)
	case "stage":
		return stage(r)
	case "check":
		return check(r)
	case "attrs":
		return attrs(r)
	case "pipeline":
		return pipeline(r)
	case "l1cost":
		return l1cost(r)
	case "basefee":
		return basefee(r)
	case "extra":
		// nums: d, e, m
		h := geip1559.EncodeHoloceneExtraData(r.Nums[0], r.Nums[1])
		j := geip1559.EncodeJovianExtraData(r.Nums[0], r.Nums[1], r.Nums[2])
		return map[string]any{"h": H(h), "j": H(j), "vh": geip1559.ValidateHoloceneExtraData(h) == nil, "vj": geip1559.ValidateJovianExtraData(j) == nil}
	case "extraDecode":
		o := map[string]any{"vh": geip1559.ValidateHoloceneExtraData(r.Data) == nil, "vj": geip1559.ValidateJovianExtraData(r.Data) == nil}
		return o
	case "blob":
		var b eth.Blob
		if len(r.Data) != len(b) {
			return map[string]any{"err": "size"}
		}
		copy(b[:], r.Data)
		d, err := b.ToData()
		if err != nil {
			return map[string]any{"err": err.Error()}
		}
		return map[string]any{"data": H(d)}
	case "blobEncode":
		var b eth.Blob
		if err := b.FromData(eth.Data(r.Data)); err != nil {
			return map[string]any{"err": err.Error()}
		}
		return map[string]any{"blob": H(b[:])}
	case "upgrades":
		e, _ := derive.EcotoneNetworkUpgradeTransactions()
		f, _ := derive.FjordNetworkUpgradeTransactions()
		i, _ := derive.IsthmusNetworkUpgradeTransactions()
		j, _ := derive.JovianNetworkUpgradeTransactions()
		k, gas, _ := derive.UpgradeTransactions(forks.Karst)
		return map[string]any{"ecotone": e, "fjord": f, "isthmus": i, "jovian": j, "karst": k, "karstGas": gas}
	case "output":
		o := eth.OutputV0{StateRoot: eth.Bytes32(r.Txs[0]), MessagePasserStorageRoot: eth.Bytes32(r.Txs[1]), BlockHash: common.BytesToHash(r.Txs[2])}
		return eth.OutputRoot(&o)
	}
	return map[string]any{"err": "unknown cmd"}
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	enc := json.NewEncoder(out)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 1 {
			var r Req
			var res any
			if e := json.Unmarshal(line, &r); e != nil {
				res = map[string]any{"jsonErr": e.Error()}
			} else {
				res = handle(&r)
			}
			if e := enc.Encode(res); e != nil {
				fmt.Fprintln(os.Stderr, e)
			}
			out.Flush()
		}
		if err != nil {
			return
		}
	}
}
