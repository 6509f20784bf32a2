// SPDX-License-Identifier: LGPL-3.0-or-later

package protocol

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"sync"
)

// maxMessageBytes bounds what a sidecar takes at once: a genesis file is the longest message there is.
const maxMessageBytes = 1 << 30

// readsAtOnce bounds the reads of users that run beside each other; more of them wait.
func readsAtOnce() int { return max(2, runtime.NumCPU()) }

// Serve answers the messages of in on out until in ends. What changes the engine takes turns in the order it came; reads run
// beside it and may overtake one another.
func Serve(server *Server, in io.Reader, out io.Writer) error {
	server.readsBeside = true
	input := bufio.NewReaderSize(in, 1<<16)
	answers := &output{to: out}
	running := &running{cancels: map[uint64]context.CancelFunc{}}
	turns := make(chan func(), 64)
	slots := make(chan struct{}, readsAtOnce())
	var ended, reads sync.WaitGroup
	ended.Add(1)
	go func() {
		defer ended.Done()
		for turn := range turns {
			turn()
		}
	}()
	defer func() {
		running.cancelAll()
		close(turns)
		ended.Wait()
		reads.Wait()
		if chain := server.current(); chain != nil {
			chain.Close()
		}
	}()
	for {
		packed, err := frame(input)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		request := peek(packed)
		if request.Method == "cancel" {
			running.cancel(request.ID)
			continue
		}
		ctx, done := running.begin(request.ID)
		answer := func() {
			defer done()
			answers.write(server.Handle(ctx, packed))
		}
		switch {
		case request.Method == "rpc":
			reads.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				answer()
			})
		case onlyReads(request.Method):
			reads.Go(answer)
		default:
			turns <- answer
		}
		if answers.failed() {
			return nil // nobody listens
		}
	}
}

// frame reads one message. Its memory grows with what arrives, whatever length was claimed.
func frame(input io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(input, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > maxMessageBytes {
		return nil, fmt.Errorf("a message of %d bytes: the longest is %d", size, maxMessageBytes)
	}
	var packed bytes.Buffer
	if _, err := io.CopyN(&packed, input, int64(size)); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

// peek reads as much of a message as says what to do with it; a message that is none is answered in its turn.
func peek(packed []byte) (request Request) {
	if message, err := Decode(packed); err == nil {
		json.Unmarshal(message.Header, &request)
	}
	return request
}

type output struct {
	mu  sync.Mutex
	to  io.Writer
	err error
}

func (o *output) write(packed []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		_, o.err = o.to.Write(append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(packed)), uint32(len(packed))), packed...))
	}
}

func (o *output) failed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err != nil
}

// running knows how to end the requests that are under way.
type running struct {
	mu      sync.Mutex
	cancels map[uint64]context.CancelFunc
}

func (r *running) begin(id uint64) (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancel(context.Background())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cancels[id] = cancel
	return ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.cancels, id)
		cancel()
	}
}

func (r *running) cancel(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if cancel, ok := r.cancels[id]; ok {
		cancel()
	}
}

func (r *running) cancelAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, cancel := range r.cancels {
		cancel()
	}
}
