// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
	"testing"

	"opengine/engine"
)

// The public conformance suite of Ethereum's JSON-RPC (github.com/ethereum/execution-apis): a chain, and exchanges about it. The
// chain is the same here, so that answers must be equal, value for value. vectors_exceptions.json says of each that is not, why.
func TestExecutionAPIs(t *testing.T) {
	folder := vectorsFolder(t)
	exceptions := map[string]string{}
	if err := json.Unmarshal(mustRead(t, "vectors_exceptions.json"), &exceptions); err != nil {
		t.Fatal(err)
	}
	chain := importChain(t, folder+"/genesis.json", folder+"/chain.rlp")
	files, err := filepath.Glob(folder + "/*/*.io")
	if err != nil || len(files) == 0 {
		t.Fatalf("no exchanges in %s: %v", folder, err)
	}
	var walked, equal int
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(file, folder+"/"), ".io")
		if _, ours := methods[strings.Split(name, "/")[0]]; !ours {
			if exceptions[name] == "" {
				t.Errorf("%s: not answered here, and no reason given", name)
			}
			continue
		}
		walked++
		difference := replayFile(t, chain, file)
		switch reason := exceptions[name]; {
		case difference == "" && reason == "":
			equal++
		case difference == "":
			t.Errorf("%s agrees; its exception is out of date: %s", name, reason)
		case reason == "":
			t.Errorf("%s: %s", name, difference)
		}
		delete(exceptions, name)
	}
	t.Logf("%d files, %d of methods of an engine, %d of them equal", len(files), walked, equal)
	if equal*100 < walked*95 {
		t.Errorf("only %d of %d are equal", equal, walked)
	}
}

// vectorsFolder is the folder of the suite, beside the checkout.
func vectorsFolder(t *testing.T) string {
	t.Helper()
	root := os.Getenv("L2_VECTORS")
	if root == "" {
		root = "../../../../../shared/vectors"
	}
	folder := filepath.Join(root, "execution-apis")
	if _, err := os.Stat(folder); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the suite is not there: %v", err)
	}
	return folder
}

// replayFile asks what a file asks, and says how the answers differ from its.
func replayFile(t *testing.T, chain engine.Reader, file string) string {
	t.Helper()
	var request struct {
		Method string
		Params json.RawMessage
	}
	var answer []byte
	lines := bufio.NewScanner(bytes.NewReader(mustRead(t, file)))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		kind, text, _ := strings.Cut(lines.Text(), " ")
		switch kind {
		case ">>":
			request.Params = nil
			if err := json.Unmarshal([]byte(text), &request); err != nil {
				t.Fatal(err)
			}
			answer = respond(t, chain, request.Method, request.Params)
		case "<<":
			if difference := compareJSON([]byte(text), answer); difference != "" {
				return difference
			}
		}
	}
	return ""
}

// respond gives an answer the envelope of JSON-RPC.
func respond(t testing.TB, chain engine.Reader, method string, params json.RawMessage) []byte {
	t.Helper()
	result, failure := Handle(t.Context(), chain, method, params, 50_000_000)
	envelope := map[string]any{"jsonrpc": "2.0", "id": 1}
	if failure != nil {
		envelope["error"] = failure
	} else {
		envelope["result"] = result
	}
	answer, err := json.Marshal(envelope)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// compareJSON names the first places where two answers differ, ids apart.
func compareJSON(want, have []byte) string {
	var a, b map[string]any
	if err := json.Unmarshal(want, &a); err != nil {
		return err.Error()
	}
	if err := json.Unmarshal(have, &b); err != nil {
		return err.Error()
	}
	delete(a, "id")
	delete(b, "id")
	var differences []string
	compareValues("", a, b, &differences)
	if len(differences) > 5 {
		differences = append(differences[:5], fmt.Sprintf("and %d more", len(differences)-5))
	}
	return strings.Join(differences, "\n\t")
}

func compareValues(path string, want, have any, differences *[]string) {
	switch want := want.(type) {
	case map[string]any:
		have, ok := have.(map[string]any)
		if !ok {
			break
		}
		keys := map[string]bool{}
		for key := range want {
			keys[key] = true
		}
		for key := range have {
			keys[key] = true
		}
		sorted := make([]string, 0, len(keys))
		for key := range keys {
			sorted = append(sorted, key)
		}
		sort.Strings(sorted)
		for _, key := range sorted {
			w, wanted := want[key]
			h, had := have[key]
			if wanted && had {
				compareValues(path+"."+key, w, h, differences)
			} else {
				*differences = append(*differences, fmt.Sprintf("%s.%s: want %s, have %s", path, key, cut(w, wanted), cut(h, had)))
			}
		}
		return
	case []any:
		have, ok := have.([]any)
		if !ok || len(have) != len(want) {
			break
		}
		for i := range want {
			compareValues(fmt.Sprintf("%s[%d]", path, i), want[i], have[i], differences)
		}
		return
	}
	if !reflect.DeepEqual(want, have) {
		*differences = append(*differences, fmt.Sprintf("%s: want %s, have %s", path, cut(want, true), cut(have, true)))
	}
}

func cut(value any, there bool) string {
	if !there {
		return "nothing"
	}
	text, _ := json.Marshal(value)
	if len(text) > 2000 {
		text = append(text[:2000], "…"...)
	}
	return string(text)
}
