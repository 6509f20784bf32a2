// SPDX-License-Identifier: LGPL-3.0-or-later

package protocol

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"opengine/engine"
)

const genesisFile = `{"config":{"chainId":901,"homesteadBlock":0,"eip150Block":0,"eip155Block":0,"eip158Block":0,"byzantiumBlock":0,
"constantinopleBlock":0,"petersburgBlock":0,"istanbulBlock":0,"muirGlacierBlock":0,"berlinBlock":0,"londonBlock":0,"arrowGlacierBlock":0,
"grayGlacierBlock":0,"mergeNetsplitBlock":0,"terminalTotalDifficulty":0,"bedrockBlock":0,"regolithTime":0,"canyonTime":0,"shanghaiTime":0,
"ecotoneTime":0,"cancunTime":0,"fjordTime":0,"graniteTime":0,"holoceneTime":0,"isthmusTime":0,"pragueTime":0,
"optimism":{"eip1559Elasticity":6,"eip1559Denominator":50,"eip1559DenominatorCanyon":250}},"timestamp":"0x64","gasLimit":"0x1c9c380",
"difficulty":"0x0","extraData":"0x00000000fa00000006","baseFeePerGas":"0x3b9aca00","alloc":{"0x4200000000000000000000000000000000000016":
{"balance":"0x0","code":"0x00","storage":{"0x0000000000000000000000000000000000000000000000000000000000000001":
"0x0000000000000000000000000000000000000000000000000000000000000001"}}}}`

// peer is who asks a sidecar.
type peer struct {
	t       *testing.T
	in      *io.PipeWriter
	answers map[uint64]chan Message
	mu      sync.Mutex
	ended   chan error
}

func serve(t *testing.T, server *Server) *peer {
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	p := &peer{t: t, in: toServer, answers: map[uint64]chan Message{}, ended: make(chan error, 1)}
	go func() { p.ended <- Serve(server, in, out); out.Close() }()
	go func() {
		for {
			packed, err := frame(fromServer)
			if err != nil {
				return
			}
			message, err := Decode(packed)
			if err != nil {
				t.Error(err)
				return
			}
			var answer struct{ ID uint64 }
			json.Unmarshal(message.Header, &answer)
			p.waiting(answer.ID) <- message
		}
	}()
	t.Cleanup(func() { toServer.Close() })
	return p
}

func (p *peer) waiting(id uint64) chan Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.answers[id] == nil {
		p.answers[id] = make(chan Message, 1)
	}
	return p.answers[id]
}

func (p *peer) send(id uint64, method string, params any, parts ...[]byte) {
	p.t.Helper()
	packed := Encode(map[string]any{"id": id, "method": method, "params": params}, parts)
	if _, err := p.in.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(packed))), packed...)); err != nil {
		p.t.Fatal(err)
	}
}

type reply struct {
	Result json.RawMessage
	Error  *engine.Error
}

func (p *peer) receive(id uint64) (r reply) {
	p.t.Helper()
	select {
	case message := <-p.waiting(id):
		if err := json.Unmarshal(message.Header, &r); err != nil {
			p.t.Fatal(err)
		}
	case <-time.After(30 * time.Second):
		p.t.Fatalf("no answer to %d", id)
	}
	return r
}

func (p *peer) want(r reply, code engine.Code) {
	p.t.Helper()
	if r.Error == nil || r.Error.Code != code {
		p.t.Fatalf("expected %s, got %v %s", code, r.Error, r.Result)
	}
}

func memoryServer(reads Reads) *Server {
	return &Server{Store: func(string, bool) (engine.Store, error) { return engine.NewMemory(), nil }, Reads: reads}
}

func (p *peer) open() {
	p.t.Helper()
	p.send(1, "open", map[string]any{"history": map[string]int{"states": 0, "bodies": 0}, "readOnly": false}, []byte(genesisFile))
	if r := p.receive(1); r.Error != nil {
		p.t.Fatal(r.Error)
	}
}

func buildOn(parent string, timestamp string) map[string]any {
	return map[string]any{
		"parent": parent, "timestamp": timestamp, "prevRandao": "0x" + zeros(32), "suggestedFeeRecipient": "0x" + zeros(20), "withdrawals": []any{},
		"parentBeaconBlockRoot": "0x" + zeros(32), "gasLimit": "30000000", "eip1559Params": "0x0000000000000000", "minBaseFee": nil, "senders": false,
	}
}

func zeros(bytes int) (hex string) {
	for range bytes {
		hex += "00"
	}
	return hex
}

func TestServeBuildsBesideReadsThatRun(t *testing.T) {
	started := make(chan struct{}, 8)
	p := serve(t, memoryServer(func(ctx context.Context, chain engine.Reader, method string, _ json.RawMessage, _ uint64) (json.RawMessage, *RPCError) {
		started <- struct{}{}
		<-ctx.Done()
		return nil, &RPCError{Code: -32000, Message: "execution aborted"}
	}))
	p.open()
	p.send(2, "block", map[string]any{"id": "latest"})
	var found struct{ Block struct{ Hash string } }
	if r := p.receive(2); r.Error != nil || json.Unmarshal(r.Result, &found) != nil {
		t.Fatal(r.Error)
	}
	p.send(3, "rpc", map[string]any{"method": "eth_call", "params": []any{}})
	<-started
	// A build, a head and the other reads are answered while that read stands.
	p.send(4, "build", buildOn(found.Block.Hash, "102"))
	r := p.receive(4)
	if r.Error != nil {
		t.Fatal(r.Error)
	}
	if err := json.Unmarshal(r.Result, &found); err != nil {
		t.Fatal(err)
	}
	p.send(5, "setHead", map[string]any{"head": found.Block.Hash, "safe": "0x" + zeros(32), "finalized": "0x" + zeros(32)})
	if r := p.receive(5); r.Error != nil {
		t.Fatal(r.Error)
	}
	p.send(6, "accounts", map[string]any{}, make([]byte, 20))
	if r := p.receive(6); r.Error != nil {
		t.Fatal(r.Error)
	}
	p.send(99, "cancel", nil) // of nothing: passed over
	p.send(3, "cancel", nil)
	p.want(p.receive(3), engine.Cancelled)
}

// damaged is a store that has lost one value, and in which something may happen while a block is written.
type damaged struct {
	*engine.Memory
	lost   atomic.Pointer[[]byte]
	during func()
}

func (d *damaged) Get(key []byte) ([]byte, error) {
	if lost := d.lost.Load(); lost != nil && bytes.Equal(key, *lost) {
		return []byte("rot"), nil
	}
	return d.Memory.Get(key)
}

func (d *damaged) Write(batch *engine.Batch) error {
	if d.during != nil {
		d.during()
	}
	return d.Memory.Write(batch)
}

func TestServeBuildsWhileAStrangerAsksForWhatIsDamaged(t *testing.T) {
	store := &damaged{Memory: engine.NewMemory()}
	server := memoryServer(nil)
	server.Store = func(string, bool) (engine.Store, error) { return store, nil }
	p := serve(t, server)
	p.open()
	p.send(2, "block", map[string]any{"id": "latest"})
	var genesis struct{ Block struct{ Hash string } }
	if r := p.receive(2); r.Error != nil || json.Unmarshal(r.Result, &genesis) != nil {
		t.Fatal(r.Error)
	}
	unknown := bytes.Repeat([]byte{0xab}, 32)
	key := append([]byte("H"), unknown...) // geth's key of a block's number
	store.lost.Store(&key)
	store.during = func() {
		p.send(3, "block", map[string]any{"id": fmt.Sprintf("0x%x", unknown)})
		p.want(p.receive(3), engine.StoreCorrupt)
	}
	p.send(4, "build", buildOn(genesis.Block.Hash, "200"))
	if r := p.receive(4); r.Error != nil {
		t.Fatalf("what a stranger's read met became the block's: %v", r.Error)
	}
}

func TestServeCancelsAReadThatWaitsForItsTurn(t *testing.T) {
	release := make(chan struct{})
	p := serve(t, memoryServer(func(ctx context.Context, _ engine.Reader, _ string, _ json.RawMessage, _ uint64) (json.RawMessage, *RPCError) {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return json.RawMessage(`"0x1"`), nil
	}))
	p.open()
	count := uint64(readsAtOnce() + 3)
	for id := range count {
		p.send(10+id, "rpc", map[string]any{"method": "eth_chainId"})
	}
	last := 10 + count - 1
	p.send(last, "cancel", nil)
	close(release)
	p.want(p.receive(last), engine.Cancelled)
	for id := range count - 1 {
		if r := p.receive(10 + id); r.Error != nil {
			t.Fatal(r.Error)
		}
	}
}

func TestServeAnswersNonsenseAndGoesOn(t *testing.T) {
	p := serve(t, memoryServer(func(context.Context, engine.Reader, string, json.RawMessage, uint64) (json.RawMessage, *RPCError) {
		panic(errors.New("a fault of ours"))
	}))
	write := func(packed []byte) {
		if _, err := p.in.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(packed))), packed...)); err != nil {
			t.Fatal(err)
		}
	}
	for _, nonsense := range [][]byte{{}, {1}, {0, 0, 0, 9, 1}, {0, 0, 0, 0, 0, 0, 0, 0}, Encode("text", nil), bytes.Repeat([]byte{0xff}, 40), append(Encode(map[string]int{"id": 0}, nil), 1)} {
		write(nonsense)
		p.want(p.receive(0), engine.Request)
	}
	p.send(1, "build", map[string]any{})
	p.want(p.receive(1), engine.Request) // before open
	p.send(2, "open", map[string]any{}, []byte("{"))
	p.want(p.receive(2), engine.GenesisInvalid)
	p.send(3, "open", map[string]any{})
	p.want(p.receive(3), engine.Request)
	p.open()
	for id, bad := range []struct {
		method string
		params any
		parts  [][]byte
	}{
		{"open", map[string]any{}, [][]byte{[]byte(genesisFile)}},
		{"nothing", map[string]any{}, nil},
		{"build", map[string]any{"timestamp": "x"}, nil},
		{"build", map[string]any{"timestamp": "1"}, nil},
		{"build", map[string]any{"timestamp": "-1", "gasLimit": "1"}, nil},
		{"build", map[string]any{"timestamp": "1", "gasLimit": "18446744073709551616"}, nil},
		{"build", map[string]any{"timestamp": "1", "gasLimit": "1", "senders": true}, [][]byte{{1}}},
		{"build", map[string]any{"timestamp": "1", "gasLimit": "1", "senders": true}, [][]byte{{1}, {2}}},
		{"block", map[string]any{"id": "0x12"}, nil},
		{"block", map[string]any{"id": "-1"}, nil},
		{"block", map[string]any{"id": 1}, nil},
		{"accounts", map[string]any{}, [][]byte{{1}}},
		{"accounts", map[string]any{}, nil},
		{"setHead", map[string]any{"head": "0x"}, nil},
		{"setHead", 7, nil},
		{"prune", "x", nil},
	} {
		p.send(100+uint64(id), bad.method, bad.params, bad.parts...)
		p.want(p.receive(100+uint64(id)), engine.Request)
	}
	p.send(200, "rpc", map[string]any{"method": "eth_call"})
	p.want(p.receive(200), engine.Internal)
	p.send(201, "receipts", map[string]any{"block": "0x" + zeros(32)})
	p.want(p.receive(201), engine.UnknownBlock)
	p.send(202, "block", map[string]any{"id": "77"})
	if r := p.receive(202); r.Error != nil || string(r.Result) != `{"block":null}` {
		t.Fatalf("%v %s", r.Error, r.Result)
	}
	p.send(203, "close", map[string]any{})
	if r := p.receive(203); r.Error != nil {
		t.Fatal(r.Error)
	}
	p.send(204, "block", map[string]any{"id": "0"})
	p.want(p.receive(204), engine.Request)
	p.open() // again
}

func TestServeEndsWithItsInput(t *testing.T) {
	stopped := make(chan struct{})
	p := serve(t, memoryServer(func(ctx context.Context, _ engine.Reader, _ string, _ json.RawMessage, _ uint64) (json.RawMessage, *RPCError) {
		<-ctx.Done()
		close(stopped)
		return nil, nil
	}))
	p.open()
	p.send(2, "rpc", map[string]any{"method": "eth_call"})
	p.in.Close()
	select {
	case err := <-p.ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it runs on without its input")
	}
	<-stopped
}

func TestServeTakesNoFrameThatIsTooLong(t *testing.T) {
	p := serve(t, memoryServer(nil))
	if _, err := p.in.Write([]byte{0xff, 0xff, 0xff, 0xff}); err != nil {
		t.Fatal(err)
	}
	if err := <-p.ended; err == nil {
		t.Fatal("a frame of 4 GiB was taken")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(Encode(map[string]int{"id": 1}, [][]byte{{1, 2}, {}}))
	f.Fuzz(func(t *testing.T, packed []byte) {
		message, err := Decode(packed)
		if err != nil {
			return
		}
		size := 8 + len(message.Header)
		for _, part := range message.Bytes {
			size += 4 + len(part)
		}
		if size != len(packed) {
			t.Fatalf("%d bytes were read as %d", len(packed), size)
		}
	})
}
