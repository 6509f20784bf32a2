package main

import (
	"bytes"
	"syscall"

	"github.com/ethereum-optimism/optimism/op-node/rollup/derive"
)

// CPU time of this process so far, all threads, in microseconds: what else the machine does stays out of it.
func cpu() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return (u.Utime.Sec+u.Stime.Sec)*1_000_000 + int64(u.Utime.Usec+u.Stime.Usec)
}

// A channel read as often as is asked for: batches with their transactions, nothing told.
func benchDecode(r *Req) any {
	txs := 0
	start := cpu()
	for i := 0; i < r.Iter; i++ {
		next, err := derive.BatchReader(bytes.NewReader(r.Data), r.MaxRlp, true)
		if err != nil {
			return map[string]any{"err": err.Error()}
		}
		for {
			bd, err := next()
			if err != nil {
				break
			}
			if bd.GetBatchType() == derive.SingularBatchType {
				s, err := derive.GetSingularBatch(bd)
				if err != nil {
					return map[string]any{"err": err.Error()}
				}
				txs += len(s.Transactions)
				continue
			}
			s, err := derive.DeriveSpanBatch(bd, r.Cfg)
			if err != nil {
				return map[string]any{"err": err.Error()}
			}
			for b := 0; b < s.GetBlockCount(); b++ {
				txs += len(s.GetBlockTransactions(b))
			}
		}
	}
	return map[string]any{"us": cpu() - start, "txs": txs}
}

// A channel built as often as is asked for, frames and all.
func benchEncode(r *Req) any {
	blocks := payloads(r)
	added, size := 0, 0
	start := cpu()
	for i := 0; i < r.Iter; i++ {
		n, _, frames, _, err := fill(r, blocks)
		if err != nil {
			return map[string]any{"err": err.Error()}
		}
		added, size = n, 0
		for _, f := range frames {
			size += len(f)
		}
	}
	return map[string]any{"us": cpu() - start, "added": added, "bytes": size}
}
