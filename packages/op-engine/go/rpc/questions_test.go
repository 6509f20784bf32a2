// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rlp"
)

// question is a request to compare by.
type question struct {
	method  string
	params  []any
	raw     string // in place of params
	differs string // why the answer is not op-geth's
}

func (q question) encoded(t testing.TB) json.RawMessage {
	t.Helper()
	if q.raw != "" {
		return json.RawMessage(q.raw)
	}
	params, err := json.Marshal(q.params)
	if err != nil {
		t.Fatal(err)
	}
	return params
}

type dict = map[string]any

// questions are about everything in a chain, and a lot that is not.
func questions(c *opChain) (all []question) {
	ask := func(method string, params ...any) {
		if params == nil {
			params = []any{}
		}
		all = append(all, question{method: method, params: params})
	}
	raw := func(method, params string) { all = append(all, question{method: method, raw: params}) }
	butNot := func(why string) { all[len(all)-1].differs = why }

	unknown := common.HexToHash("0x1234000000000000000000000000000000000000000000000000000000000000")
	head := hexutil.EncodeUint64(uint64(len(c.blocks)))
	beyond := hexutil.EncodeUint64(uint64(len(c.blocks) + 1))
	first, last := c.blocks[0].Hash(), c.blocks[len(c.blocks)-1].Hash()
	numbers := []string{"latest", "safe", "finalized", "earliest", "pending", "0x0", "0x3", head, beyond}
	references := []any{dict{"blockHash": first}, dict{"blockHash": last, "requireCanonical": true}, dict{"blockHash": unknown}, dict{"blockNumber": "0x2"}, last, unknown, dict{}}
	for _, number := range numbers {
		references = append(references, number)
	}

	for _, method := range []string{"eth_chainId", "eth_blockNumber", "eth_syncing", "eth_config", "eth_gasPrice", "eth_maxPriorityFeePerGas", "eth_blobBaseFee", "net_version", "debug_chainConfig", "eth_nonsense", "nonsense", "eth_"} {
		ask(method)
		if method == "eth_config" {
			butNot("op-geth's handler crashes where there is no schedule of blobs (its issue 685)")
		}
	}
	ask("web3_sha3", "0x1234")
	// Words for parameters that are wrong.
	for _, params := range []string{`["0x1"]`, `[]`, `null`, `{}`, `"x"`, `["2"]`, `[1]`, `[null]`, `["0x"]`, `["0x00"]`, `["0xffffffffffffffffff"]`, `["0xffffffffffffffff"]`, `[" latest"]`, `["0x1", true, 3]`, `["0x1", "true"]`, `["0x1", null]`, `["lastest", false]`, `["-0x1", false]`} {
		raw("eth_getBlockByNumber", params)
		raw("debug_getRawBlock", params)
		raw("debug_traceBlockByNumber", params)
	}
	for _, params := range []string{`["0x1", "latest"]`, `["0x00000000000000000000000000000000000c0001", "0xzz"]`, `["00000000000000000000000000000000000c0001", "latest"]`, `[12, "latest"]`, `["0x00000000000000000000000000000000000c0001", {"blockHash":"0x12"}]`, `["0x00000000000000000000000000000000000c0001", {"blockHash":null,"blockNumber":"latest"}]`, `["0x00000000000000000000000000000000000c0001", {"blockHash":"` + first.Hex() + `","blockNumber":"latest"}]`, `["0x00000000000000000000000000000000000c0001", "latest", 1]`, `["0x00000000000000000000000000000000000c0001", 7]`, `["0x00000000000000000000000000000000000c0001", "0x0000000000000000000000000000000000000000000000000000000000001234"]`} {
		raw("eth_getBalance", params)
	}
	raw("eth_getBalance", `["0x00000000000000000000000000000000000c0001"]`)
	butNot("later geth, as the specification, takes the latest block where none is named")

	for _, number := range numbers {
		ask("eth_getBlockByNumber", number, true)
		ask("eth_getBlockByNumber", number, false)
		ask("eth_getHeaderByNumber", number)
		ask("eth_getBlockTransactionCountByNumber", number)
		ask("eth_getUncleCountByBlockNumber", number)
		ask("eth_getUncleByBlockNumberAndIndex", number, "0x0")
		ask("eth_getTransactionByBlockNumberAndIndex", number, "0x0")
		ask("eth_getTransactionByBlockNumberAndIndex", number, "0x63")
		ask("eth_getRawTransactionByBlockNumberAndIndex", number, "0x0")
		ask("eth_getRawTransactionByBlockNumberAndIndex", number, "0x63")
		ask("debug_traceBlockByNumber", number, dict{"tracer": "callTracer"})
		ask("eth_feeHistory", "0x3", number, []float64{10, 50, 99.5})
		ask("eth_feeHistory", 100, number, nil)
	}
	for _, reference := range references {
		ask("eth_getBlockReceipts", reference)
		ask("debug_getRawHeader", reference)
		ask("debug_getRawBlock", reference)
		ask("debug_getRawReceipts", reference)
		for _, address := range []common.Address{writer, c.users[0].address, c.users[3].address, {1}} {
			ask("eth_getBalance", address, reference)
			ask("eth_getCode", address, reference)
			ask("eth_getTransactionCount", address, reference)
			ask("eth_getStorageAt", address, "0x2", reference)
			ask("eth_getProof", address, []string{"0x2", "0x0000000000000000000000000000000000000000000000000000000000000003", "5"}, reference)
			ask("eth_getProof", address, []string{}, reference)
		}
		ask("eth_getStorageValues", dict{writer.Hex(): []string{common.Hash{31: 2}.Hex()}}, reference)
		ask("eth_call", dict{"to": surroundings, "from": c.users[1].address}, reference)
		ask("eth_estimateGas", dict{"to": writer, "from": c.users[1].address, "data": pairOf(9, 9)}, reference)
		ask("eth_createAccessList", dict{"to": caller, "from": c.users[1].address}, reference)
		ask("eth_simulateV1", dict{"blockStateCalls": []any{dict{"calls": []any{dict{"to": writer, "from": c.users[1].address, "input": pairOf(9, 9)}}}}}, reference)
		ask("debug_traceCall", dict{"to": caller, "from": c.users[1].address}, reference, dict{"tracer": "callTracer"})
	}
	ask("eth_getStorageAt", writer, "0xasdf", "latest")
	ask("eth_getStorageAt", writer, "0x"+fmt.Sprintf("%066x", 1), "latest")
	ask("eth_getStorageAt", writer, "2", "latest")
	ask("eth_getStorageAt", writer, "", "latest")
	ask("eth_getStorageValues", dict{}, "latest")
	ask("eth_getProof", writer, []string{"0xzz"}, "latest")
	ask("eth_getProof", writer, manyKeys(1025), "latest")
	ask("eth_feeHistory", "0x0", "latest", []float64{})
	ask("eth_feeHistory", "0x2", "latest", []float64{50, 40})
	ask("eth_feeHistory", "0x2", "latest", []float64{-1})
	ask("eth_feeHistory", "0x2", "latest", []float64{101})
	ask("eth_feeHistory", "0x2", "latest", []float64{0, 100})

	tracers := []any{
		nil,
		dict{"enableMemory": true, "enableReturnData": true},
		dict{"disableStack": true, "disableStorage": true},
		dict{"limit": 500},
		dict{"tracer": "callTracer"},
		dict{"tracer": "callTracer", "tracerConfig": dict{"withLog": true}},
		dict{"tracer": "callTracer", "tracerConfig": dict{"onlyTopCall": true, "withLog": true}},
		dict{"tracer": "flatCallTracer"},
		dict{"tracer": "flatCallTracer", "tracerConfig": dict{"convertParityErrors": true, "includePrecompiles": true}},
		dict{"tracer": "prestateTracer"},
		dict{"tracer": "prestateTracer", "tracerConfig": dict{"diffMode": true}},
		dict{"tracer": "prestateTracer", "tracerConfig": dict{"disableCode": true, "disableStorage": true, "includeEmpty": true}},
		dict{"tracer": "prestateTracer", "tracerConfig": dict{"diffMode": true, "disableCode": true, "disableStorage": true}},
		dict{"tracer": "prestateTracer", "tracerConfig": dict{"diffMode": true, "includeEmpty": true}},
		dict{"tracer": "4byteTracer"},
		dict{"tracer": "noopTracer"},
		dict{"tracer": "muxTracer", "tracerConfig": dict{"callTracer": nil, "4byteTracer": nil, "prestateTracer": dict{"diffMode": true}}},
		dict{"timeout": "nonsense"},
	}
	for i, block := range c.blocks {
		hash := block.Hash()
		ask("eth_getBlockByHash", hash, true)
		ask("eth_getBlockByHash", hash, false)
		ask("eth_getHeaderByHash", hash)
		ask("eth_getBlockTransactionCountByHash", hash)
		ask("eth_getUncleCountByBlockHash", hash)
		ask("eth_getUncleByBlockHashAndIndex", hash, "0x0")
		ask("debug_intermediateRoots", hash)
		ask("eth_getLogs", dict{"blockHash": hash})
		for _, most := range []int{3, 1000} {
			ask("debug_storageRangeAt", hash, 1, writer, "0x00", most)
			if i > 1 { // before, there is nothing
				butNot("an archive op-geth keeps the preimages of slots")
			}
		}
		ask("debug_storageRangeAt", hash, 0, c.users[0].address, "0x00", 3)
		if i == 5 { // the full block is a loop in each transaction
			ask("debug_traceBlockByHash", hash, dict{"tracer": "callTracer"})
		} else {
			for _, tracer := range tracers {
				ask("debug_traceBlockByHash", hash, tracer)
			}
			bytes, _ := rlp.EncodeToBytes(block)
			ask("debug_traceBlock", hexutil.Encode(bytes), dict{"tracer": "callTracer"})
		}
		for index, tx := range block.Transactions() {
			ask("eth_getTransactionByHash", tx.Hash())
			ask("eth_getRawTransactionByHash", tx.Hash())
			ask("debug_getRawTransaction", tx.Hash())
			ask("eth_getTransactionReceipt", tx.Hash())
			ask("eth_getTransactionByBlockHashAndIndex", hash, hexutil.EncodeUint64(uint64(index)))
			ask("eth_getRawTransactionByBlockHashAndIndex", hash, hexutil.EncodeUint64(uint64(index)))
			if i != 5 && index < 8 {
				for _, tracer := range tracers {
					ask("debug_traceTransaction", tx.Hash(), tracer)
				}
			}
		}
	}
	for _, method := range []string{"eth_getBlockByHash", "eth_getHeaderByHash", "eth_getBlockTransactionCountByHash", "eth_getUncleCountByBlockHash", "eth_getTransactionByHash", "eth_getRawTransactionByHash", "eth_getTransactionReceipt", "debug_traceTransaction", "debug_traceBlockByHash", "debug_intermediateRoots"} {
		if method == "eth_getBlockByHash" {
			ask(method, unknown, false)
		} else {
			ask(method, unknown)
		}
	}
	ask("debug_traceBlockByHash", c.Genesis())
	for _, tracer := range []string{"nonsense", "", "{result: function() { return 1 }, fault: function() {}}"} {
		ask("debug_traceTransaction", c.blocks[1].Transactions()[1].Hash(), dict{"tracer": tracer})
		butNot("op-geth takes an unknown name for a program in JavaScript, for which there is no interpreter here")
	}
	ask("debug_traceBlock", "0x1234")
	ask("debug_storageRangeAt", first, 7, writer, "0x00", 1)
	ask("debug_storageRangeAt", unknown, 0, writer, "0x00", 1)

	// A block outside of the chain.
	side := c.side.Hash()
	for _, reference := range []any{side, dict{"blockHash": side}, dict{"blockHash": side, "requireCanonical": true}} {
		ask("eth_getBalance", c.users[4].address, reference)
		ask("eth_getProof", writer, []string{"0x8"}, reference)
		ask("eth_call", dict{"to": surroundings}, reference)
		ask("eth_simulateV1", dict{"blockStateCalls": []any{dict{"calls": []any{dict{"to": surroundings}}}}}, reference)
		ask("eth_getStorageValues", dict{writer.Hex(): []string{common.Hash{31: 8}.Hex()}}, reference)
		ask("eth_getBlockReceipts", reference)
		ask("debug_getRawBlock", reference)
		ask("debug_traceCall", dict{"to": writer}, reference, dict{"tracer": "callTracer"})
	}
	ask("eth_getBlockByHash", side, true)
	ask("eth_getHeaderByHash", side)
	ask("eth_getLogs", dict{"blockHash": side})
	ask("debug_traceBlockByHash", side, dict{"tracer": "callTracer"})
	ask("eth_getTransactionByHash", c.side.Transactions()[1].Hash())
	ask("eth_getTransactionReceipt", c.side.Transactions()[1].Hash())
	ask("eth_getTransactionByBlockHashAndIndex", side, "0x1")

	logQuestions(c, ask, unknown, beyond)
	callQuestions(c, ask)
	simulateQuestions(c, ask)
	return all
}

func pairOf(slot, value byte) string { return fmt.Sprintf("0x%064x%064x", slot, value) }

func manyKeys(count int) []string {
	keys := make([]string, count)
	for i := range keys {
		keys[i] = fmt.Sprintf("0x%x", i)
	}
	return keys
}

func logQuestions(c *opChain, ask func(string, ...any), unknown common.Hash, beyond string) {
	sender := common.BytesToHash(c.users[1].address[:])
	for _, filter := range []any{
		dict{}, dict{"fromBlock": "earliest"}, dict{"fromBlock": "0x0", "toBlock": "latest"}, dict{"fromBlock": "0x1", "toBlock": "0x3"},
		dict{"fromBlock": "0x3", "toBlock": "0x1"}, dict{"fromBlock": "latest", "toBlock": "0x1"}, dict{"fromBlock": "0x1", "toBlock": beyond}, dict{"fromBlock": beyond}, dict{"fromBlock": beyond, "toBlock": "latest"},
		dict{"fromBlock": "safe", "toBlock": "latest"}, dict{"fromBlock": "finalized", "toBlock": "safe"}, dict{"fromBlock": "safe", "toBlock": "finalized"}, dict{"fromBlock": "pending"}, dict{"toBlock": "pending"},
		dict{"fromBlock": "0x0", "address": writer}, dict{"fromBlock": "0x0", "address": []any{writer, caller}}, dict{"fromBlock": "0x0", "address": []any{}},
		dict{"fromBlock": "0x0", "topics": []any{nil, common.Hash{31: 2}}}, dict{"fromBlock": "0x0", "topics": []any{sender}}, dict{"fromBlock": "0x0", "topics": []any{[]any{sender, unknown}, []any{}}},
		dict{"fromBlock": "0x0", "topics": []any{[]any{sender, nil}}}, dict{"fromBlock": "0x0", "topics": []any{nil, nil, nil}}, dict{"fromBlock": "0x0", "topics": []any{nil, nil, nil, nil, nil}},
		dict{"blockHash": unknown}, dict{"blockHash": c.blocks[1].Hash(), "topics": []any{sender}}, dict{"blockHash": c.blocks[1].Hash(), "fromBlock": "0x1"}, dict{"blockHash": c.Genesis()},
		dict{"address": "0x12"}, dict{"address": 5}, dict{"address": []any{5}}, dict{"address": []any{"0x12"}}, dict{"topics": []any{"0x12"}}, dict{"topics": []any{5}}, dict{"topics": []any{[]any{5}}}, dict{"topics": "x"},
		dict{"fromBlock": "zz"}, dict{"fromBlock": 1}, dict{"blockHash": "0x12"}, nil, 5, "latest", []any{},
	} {
		ask("eth_getLogs", filter)
	}
	ask("eth_getLogs")
	ask("eth_getLogs", dict{}, 1)
}

func callQuestions(c *opChain, ask func(string, ...any)) {
	user, poor := c.users[1].address, common.HexToAddress("0x00000000000000000000000000000000000dead9")
	code := func(hex string) dict { return dict{writer.Hex(): dict{"code": hex}} }
	for _, call := range []any{
		dict{}, dict{"to": writer}, dict{"to": writer, "data": pairOf(1, 2)}, dict{"to": writer, "input": pairOf(1, 2), "data": "0x"}, dict{"to": reasoned}, dict{"to": panicked}, dict{"to": looper, "gas": "0x30d40"}, dict{"to": looper},
		dict{"to": caller}, dict{"to": caller, "gas": "0x55f0"}, dict{"to": user, "value": "0x1"}, dict{"from": user, "to": poor, "value": "0x1"}, dict{"from": poor, "to": user, "value": "0x1"}, dict{"from": user, "to": writer, "gas": "0x5207"},
		dict{"from": user, "to": writer, "gas": "0x5208"}, dict{"from": user, "to": poor, "gas": "0x1"}, dict{"from": user, "to": poor, "gasPrice": "0x1"}, dict{"from": user, "to": poor, "gasPrice": "0x77359400"}, dict{"from": user, "to": poor, "gasPrice": "0x0"},
		dict{"from": user, "to": poor, "maxFeePerGas": "0x1"}, dict{"from": user, "to": poor, "maxFeePerGas": "0x77359400", "maxPriorityFeePerGas": "0x1"}, dict{"from": user, "to": poor, "maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x2"},
		dict{"from": poor, "to": poor, "maxFeePerGas": "0x77359400"}, dict{"from": user, "to": poor, "gasPrice": "0x1", "maxFeePerGas": "0x1"}, dict{"from": user, "to": poor, "chainId": "0x1"}, dict{"from": user, "to": poor, "chainId": "0x385"},
		dict{"from": user, "to": poor, "nonce": "0x63"}, dict{"from": user, "data": "0x6001600c60003960016000f300"}, dict{"from": user, "data": "0x5f5ffd"}, dict{"from": user, "data": "0xfe"}, dict{"from": user, "data": "0x60ef5f5360015ff3"},
		dict{"from": user, "to": writer, "data": pairOf(1, 7), "accessList": []any{dict{"address": writer, "storageKeys": []any{common.Hash{31: 1}}}}}, dict{"from": user, "to": poor, "accessList": []any{}},
		dict{"from": user, "to": poor, "blobVersionedHashes": []any{common.Hash{0: 1}}, "maxFeePerBlobGas": "0x5"}, dict{"from": user, "to": poor, "blobVersionedHashes": []any{common.Hash{0: 1}}}, dict{"from": user, "to": poor, "maxFeePerBlobGas": "0x0"},
		dict{"from": writer, "to": poor, "value": "0x1"}, dict{"from": user, "to": c.users[3].address, "data": pairOf(1, 2)}, dict{"to": common.BytesToAddress([]byte{4}), "data": "0x1234"}, dict{"to": common.BytesToAddress([]byte{6}), "data": "0x1234"},
		dict{"to": poor, "gas": 5}, dict{"to": "0x12"}, dict{"to": poor, "value": "0x" + fmt.Sprintf("%065x", 1)}, dict{"to": poor, "gas": "0xffffffffffffffffff"}, dict{"to": poor, "data": "0x1"}, dict{"to": poor, "data": "1234"}, "x", nil, []any{},
		dict{"from": user, "to": poor, "authorizationList": []any{dict{"chainId": "0x385", "address": writer, "nonce": "0x0", "yParity": "0x0", "r": "0x1", "s": "0x1"}}},
	} {
		ask("eth_call", call, "latest")
		ask("eth_estimateGas", call)
		ask("eth_createAccessList", call, "latest")
		if object, ok := call.(dict); ok && fmt.Sprint(object["to"]) != fmt.Sprint(looper) {
			ask("debug_traceCall", call, "latest", dict{"tracer": "callTracer"})
			ask("debug_traceCall", call, "latest", dict{"tracer": "prestateTracer", "tracerConfig": dict{"diffMode": true}})
			ask("debug_traceCall", call, "latest")
		}
	}
	to := dict{"to": writer, "from": user, "data": pairOf(1, 2)}
	for _, override := range []any{
		nil, dict{}, code("0x"), code("0x5f5ffd"), code("0x4360005260206000f3"), dict{user.Hex(): dict{"balance": "0x0"}}, dict{user.Hex(): dict{"nonce": "0xffffffffffffffff"}},
		dict{writer.Hex(): dict{"state": dict{}, "stateDiff": dict{}}}, dict{writer.Hex(): dict{"code": "0x60015460005260206000f3", "state": dict{common.Hash{31: 1}.Hex(): common.Hash{31: 9}}}},
		dict{writer.Hex(): dict{"code": "0x60015460005260206000f3", "stateDiff": dict{common.Hash{31: 1}.Hex(): common.Hash{31: 8}}}},
		dict{writer.Hex(): dict{"movePrecompileToAddress": poor}}, dict{common.BytesToAddress([]byte{4}).Hex(): dict{"movePrecompileToAddress": writer}}, dict{common.BytesToAddress([]byte{2}).Hex(): dict{"movePrecompileToAddress": poor}, poor.Hex(): dict{"nonce": "0x1"}},
		dict{common.BytesToAddress([]byte{2}).Hex(): dict{"code": "0x5f5ffd"}}, dict{"0x12": dict{}}, dict{writer.Hex(): dict{"balance": "5"}}, dict{writer.Hex(): dict{"state": dict{"0x1": "0x2"}}}, 5, "x",
	} {
		ask("eth_call", to, "latest", override)
		ask("eth_estimateGas", to, "latest", override)
		ask("eth_createAccessList", to, "latest", override)
		ask("debug_traceCall", to, "latest", dict{"tracer": "callTracer", "stateOverrides": override})
	}
	ask("eth_call", dict{"to": poor, "data": "0x1234"}, "latest", dict{common.BytesToAddress([]byte{4}).Hex(): dict{"movePrecompileToAddress": poor}})
	about := dict{"to": surroundings, "from": user}
	for _, override := range []any{
		dict{"number": "0x64"}, dict{"number": "0x7"}, dict{"time": "0x64"}, dict{"gasLimit": "0x64"}, dict{"feeRecipient": user}, dict{"prevRandao": common.Hash{1}}, dict{"baseFeePerGas": "0x64"}, dict{"blobBaseFee": "0x64"}, dict{"difficulty": "0x64"},
		dict{"beaconRoot": common.Hash{1}}, dict{"withdrawals": []any{}}, dict{"coinbase": user}, dict{"number": 5},
	} {
		ask("eth_call", about, "latest", nil, override)
		ask("eth_estimateGas", about, "latest", nil, override)
		ask("debug_traceCall", about, "latest", dict{"tracer": "callTracer", "blockOverrides": override})
	}
	for _, index := range []string{"0x0", "0x3", "0x63"} {
		ask("debug_traceCall", to, c.blocks[3].Hash(), dict{"tracer": "callTracer", "txIndex": index})
	}
}

func simulateQuestions(c *opChain, ask func(string, ...any)) {
	user, other := c.users[1].address, c.users[2].address
	blocks := func(blocks ...any) dict { return dict{"blockStateCalls": blocks} }
	calls := func(calls ...any) dict { return dict{"calls": calls} }
	with := func(options dict, extra ...string) dict {
		for _, name := range extra {
			options[name] = true
		}
		return options
	}
	many := make([]any, 257)
	for i := range many {
		many[i] = dict{}
	}
	write := dict{"from": user, "to": writer, "input": pairOf(1, 99)}
	for _, options := range []any{
		blocks(), blocks(dict{}), blocks(dict{}, dict{}), with(blocks(dict{}), "validation"), blocks(many...), blocks(calls(write, write)), with(blocks(calls(write, write)), "returnFullTransactions"),
		with(blocks(calls(dict{"from": user, "to": other, "value": "0x5"}, dict{"from": user, "to": caller, "value": "0x1"})), "traceTransfers", "returnFullTransactions"),
		blocks(calls(dict{"from": user, "to": reasoned}, dict{"from": user, "to": panicked}, dict{"from": user, "data": "0xfe"}, dict{"from": user, "to": looper, "gas": "0x30d40"})),
		blocks(calls(dict{"from": user, "to": looper}), calls(dict{"from": user, "to": looper})),
		blocks(calls(write), dict{"stateOverrides": dict{writer.Hex(): dict{"code": "0x60015460005260206000f3"}}, "calls": []any{dict{"to": writer}}}),
		blocks(dict{"blockOverrides": dict{"number": "0x10", "time": "0x1000", "gasLimit": "0x5208", "feeRecipient": user, "prevRandao": common.Hash{3}, "baseFeePerGas": "0x7", "blobBaseFee": "0x9"}, "calls": []any{dict{"from": user, "to": other}}}),
		blocks(dict{"blockOverrides": dict{"number": "0x10", "time": "0x1000", "baseFeePerGas": "0x7", "blobBaseFee": "0x9"}, "calls": []any{dict{"from": user, "to": surroundings}}}, calls(dict{"from": user, "to": surroundings})),
		blocks(dict{"blockOverrides": dict{"number": "0x1"}}), blocks(dict{"blockOverrides": dict{"time": "0x1"}}), blocks(dict{"blockOverrides": dict{"number": "0x1000"}}), blocks(dict{"blockOverrides": dict{"beaconRoot": common.Hash{9}}}),
		blocks(dict{"blockOverrides": dict{"gasLimit": "0x1"}, "calls": []any{write}}), blocks(calls(dict{"from": user, "to": other, "gas": "0x7fffffffffffffff"})),
		with(blocks(calls(write)), "validation"), with(blocks(calls(dict{"from": user, "to": other, "maxFeePerGas": "0x77359400"})), "validation"), with(blocks(calls(dict{"from": user, "to": other, "nonce": "0x0", "maxFeePerGas": "0x77359400"})), "validation"),
		with(blocks(calls(dict{"from": user, "to": other, "nonce": "0xffff", "maxFeePerGas": "0x77359400"})), "validation"), with(blocks(calls(dict{"from": common.Address{9}, "to": other, "maxFeePerGas": "0x77359400"})), "validation"),
		blocks(calls(dict{"from": user, "to": other, "maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x2"})), blocks(calls(dict{"from": common.Address{9}, "to": other, "value": "0x1"})), blocks(calls(dict{"from": user, "to": other, "gas": "0x1"})),
		blocks(calls(dict{"from": user, "to": other, "gasPrice": "0x1", "maxFeePerGas": "0x2"})), blocks(calls(dict{"from": user, "to": other, "gasPrice": "0x1"})), blocks(calls(dict{"from": user, "data": "0x6001600c60003960016000f300"})),
		blocks(calls(dict{"from": user, "to": other, "accessList": []any{}})), blocks(dict{"stateOverrides": dict{writer.Hex(): dict{"state": dict{}, "stateDiff": dict{}}}}), blocks(5), blocks(dict{"calls": 5}), dict{}, nil, 5,
	} {
		ask("eth_simulateV1", options, "latest")
		ask("eth_simulateV1", options, "0x3")
	}
	ask("eth_simulateV1", blocks(dict{}))
	ask("eth_simulateV1", blocks(calls(write)), "0x0")
}
