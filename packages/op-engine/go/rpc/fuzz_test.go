// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"
)

// FuzzParams throws parameters at every method. An answer is a result or an error; a handler that crashes is neither.
func FuzzParams(f *testing.F) {
	chain := newOpChain(f)
	names := slices.Sorted(maps.Keys(methods))
	for i, q := range questions(chain) {
		if i%7 != 0 {
			continue
		}
		if at, found := slices.BinarySearch(names, q.method); found && len(q.encoded(f)) < 2000 {
			f.Add(byte(at), []byte(q.encoded(f)))
		}
	}
	handler := Handler{Limits: Limits{AnswerBytes: 1 << 20, LogBlocks: 100, Logs: 100}}
	f.Fuzz(func(t *testing.T, at byte, params []byte) {
		name := names[int(at)%len(names)]
		ctx, done := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer done()
		result, failure := handler.Handle(ctx, chain, name, params, 2_000_000)
		switch {
		case failure == nil && !json.Valid(result):
			t.Fatalf("%s(%s): no JSON: %s", name, params, result)
		case failure != nil && (failure.Message == crashed || failure.Message == ""):
			t.Fatalf("%s(%s): %v", name, params, failure)
		case failure != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) && time.Since(deadlineOf(ctx)) > 2*time.Second:
			t.Fatalf("%s(%s): long after its time", name, params)
		}
	})
}

func deadlineOf(ctx context.Context) time.Time {
	deadline, _ := ctx.Deadline()
	return deadline
}
