// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	beacon "github.com/ethereum/go-ethereum/beacon/engine"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	gethrpc "github.com/ethereum/go-ethereum/rpc"
)

// opGeth is a running op-geth that has the blocks of a chain.
type opGeth struct {
	ipc net.Conn
	in  *json.Decoder
}

// opGethBinary finds the program: $L2_OP_GETH, or what `node scripts/go.mjs op-geth` left in the cache.
func opGethBinary(t testing.TB) string {
	t.Helper()
	if runtime.GOOS == "js" {
		t.Skip("a WebAssembly file starts no programs")
	}
	if path := os.Getenv("L2_OP_GETH"); path != "" {
		return path
	}
	cache := os.Getenv("L2_CACHE")
	if cache == "" {
		home, _ := os.UserHomeDir()
		cache = filepath.Join(home, ".cache", "l2")
	}
	found, _ := filepath.Glob(filepath.Join(cache, "go", "op-geth-v1.101702.3-rc.7-*"))
	for _, path := range found {
		if filepath.Ext(path) != ".lock" {
			return path
		}
	}
	t.Skip("op-geth is not there: node scripts/go.mjs op-geth")
	return ""
}

// startOpGeth starts op-geth on the genesis of a chain, gives it the blocks and the heads, and stops it with the test.
func startOpGeth(t testing.TB, chain *opChain) *opGeth {
	t.Helper()
	binary, dir := opGethBinary(t), t.TempDir()
	genesis, secret, ipc := filepath.Join(dir, "genesis.json"), filepath.Join(dir, "jwt"), filepath.Join(dir, "ipc")
	var key [32]byte
	rand.Read(key[:])
	for path, data := range map[string][]byte{genesis: chain.file, secret: []byte(hexutil.Encode(key[:]))} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if output, err := exec.Command(binary, "--datadir", dir, "--state.scheme", "hash", "init", genesis).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	command := exec.Command(binary, "--datadir", dir, "--state.scheme", "hash", "--gcmode", "archive", "--networkid", fmt.Sprint(opChainID),
		"--nodiscover", "--maxpeers", "0", "--port", "0", "--syncmode", "full", "--cache", "64", "--rollup.disabletxpoolgossip=true",
		"--ipcpath", ipc, "--authrpc.addr", "127.0.0.1", "--authrpc.port", "0", "--authrpc.jwtsecret", secret)
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Signal(os.Interrupt)
		command.Wait()
	})
	endpoint := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if _, rest, ok := strings.Cut(lines.Text(), "HTTP server started"); ok && strings.Contains(rest, "auth=true") {
				_, address, _ := strings.Cut(rest, "endpoint=")
				endpoint <- strings.Fields(address)[0]
			}
		}
		close(endpoint)
	}()
	var address string
	select {
	case address = <-endpoint:
	case <-time.After(time.Minute):
	}
	if address == "" {
		t.Fatal("op-geth did not start")
	}
	feed(t, "http://"+address, key, chain)
	connection, err := net.Dial("unix", ipc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	geth := &opGeth{connection, json.NewDecoder(connection)}
	for !bytes.Contains(geth.ask(t, "eth_syncing", nil), []byte("false")) { // its index of transactions is behind
		time.Sleep(50 * time.Millisecond)
	}
	return geth
}

// jwt signs each request as the Engine API wants it.
func jwt(secret [32]byte) gethrpc.HTTPAuth {
	part := func(value any) string {
		encoded, _ := json.Marshal(value)
		return base64.RawURLEncoding.EncodeToString(encoded)
	}
	return func(header http.Header) error {
		token := part(map[string]string{"alg": "HS256", "typ": "JWT"}) + "." + part(map[string]int64{"iat": time.Now().Unix()})
		mac := hmac.New(sha256.New, secret[:])
		mac.Write([]byte(token))
		header.Set("Authorization", "Bearer "+token+"."+base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
		return nil
	}
}

// feed hands over the blocks of a chain and its heads, through the Engine API.
func feed(t testing.TB, url string, secret [32]byte, chain *opChain) {
	t.Helper()
	client, err := gethrpc.DialOptions(t.Context(), url, gethrpc.WithHTTPAuth(jwt(secret)))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	heads, err := chain.Heads()
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range append(slices.Clone(chain.blocks), chain.side) {
		payload := beacon.BlockToExecutableData(block, new(big.Int), nil, nil).ExecutionPayload
		var status beacon.PayloadStatusV1
		if err := client.CallContext(t.Context(), &status, "engine_newPayloadV4", payload, []common.Hash{}, block.BeaconRoot(), []hexutil.Bytes{}); err != nil {
			t.Fatal(err)
		}
		if status.Status != beacon.VALID {
			why := ""
			if status.ValidationError != nil {
				why = *status.ValidationError
			}
			t.Fatalf("op-geth says %s of block %d: %s", status.Status, block.Number(), why)
		}
	}
	var answer beacon.ForkChoiceResponse
	update := beacon.ForkchoiceStateV1{HeadBlockHash: heads.Head, SafeBlockHash: heads.Safe, FinalizedBlockHash: heads.Finalized}
	if err := client.CallContext(t.Context(), &answer, "engine_forkchoiceUpdatedV3", update, nil); err != nil {
		t.Fatal(err)
	}
	if answer.PayloadStatus.Status != beacon.VALID {
		t.Fatalf("op-geth says %s of the head", answer.PayloadStatus.Status)
	}
}

// ask asks over IPC, where every namespace is open.
func (g *opGeth) ask(t testing.TB, method string, params json.RawMessage) []byte {
	t.Helper()
	request, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	if err != nil {
		t.Fatal(err)
	}
	g.ipc.SetDeadline(time.Now().Add(time.Minute))
	if _, err := g.ipc.Write(request); err != nil {
		t.Fatal(err)
	}
	var answer json.RawMessage
	if err := g.in.Decode(&answer); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return answer
}

// TestAgainstOpGeth asks op-geth and the engine the same about the same chain. Answers must be equal, errors to the word. With
// L2_PEERS=full it does so in each fork.
func TestAgainstOpGeth(t *testing.T) {
	forks := []string{"jovian"}
	if os.Getenv("L2_PEERS") == "full" {
		forks = []string{"isthmus", "jovian", "karst"}
	}
	for _, fork := range forks {
		t.Run(fork, func(t *testing.T) {
			chain := newOpChainIn(t, fork)
			geth := startOpGeth(t, chain)
			all := questions(chain)
			equal := 0
			for _, q := range all {
				params := q.encoded(t)
				difference := compareJSON(geth.ask(t, q.method, params), respond(t, chain, q.method, params))
				switch {
				case difference == "" && q.differs != "":
					t.Errorf("%s(%.400s) agrees with op-geth now, its exception is out of date: %s", q.method, params, q.differs)
				case difference == "":
					equal++
				case q.differs == "":
					t.Errorf("%s(%.400s)\n\t%s", q.method, params, difference)
				}
			}
			t.Logf("%d questions, %d answers equal to op-geth's", len(all), equal)
		})
	}
}

// A read must leave nothing behind: not in the chain, and not in variables of geth's packages, which the builder of blocks uses too.
func TestReadsLeaveNothing(t *testing.T) {
	chain := newOpChain(t)
	var before [][]byte
	for _, q := range questions(chain) {
		answer := respond(t, chain, q.method, q.encoded(t))
		if bytes.Contains(answer, []byte(crashed)) {
			t.Errorf("%s(%.400s): %s", q.method, q.encoded(t), answer)
		}
		before = append(before, answer)
	}
	for i, q := range questions(chain) {
		if difference := compareJSON(before[i], respond(t, chain, q.method, q.encoded(t))); difference != "" {
			t.Errorf("%s(%.400s) asked again\n\t%s", q.method, q.encoded(t), difference)
		}
	}
	again := newOpChain(t) // the same blocks, built after all of this
	for i, block := range again.blocks {
		if block.Hash() != chain.blocks[i].Hash() {
			t.Fatalf("block %d is another one after reads", block.Number())
		}
	}
}
