// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

// methods are what a server answers. What needs a pool of transactions, a subscription, a key or a peer is not an engine's.
var methods map[string]method

func init() {
	methods = handlers(map[string]any{
		"web3_clientVersion": clientVersion,
		"web3_sha3":          sha3,
		"net_version":        netVersion,
		"net_listening":      netListening,
		"net_peerCount":      netPeerCount,

		"eth_chainId":     chainID,
		"eth_blockNumber": blockNumberOfHead,
		"eth_syncing":     syncing,
		"eth_accounts":    accounts,
		"eth_config":      config,

		"eth_gasPrice":             gasPrice,
		"eth_maxPriorityFeePerGas": maxPriorityFeePerGas,
		"eth_baseFee":              nextBaseFee,
		"eth_blobBaseFee":          blobBaseFee,
		"eth_feeHistory":           feeHistory,

		"eth_getHeaderByNumber":                headerByNumber,
		"eth_getHeaderByHash":                  headerByHash,
		"eth_getBlockByNumber":                 blockByNumber,
		"eth_getBlockByHash":                   blockByHash,
		"eth_getBlockReceipts":                 blockReceipts,
		"eth_getBlockTransactionCountByNumber": transactionCountByNumber,
		"eth_getBlockTransactionCountByHash":   transactionCountByHash,
		"eth_getUncleCountByBlockNumber":       uncleCountByNumber,
		"eth_getUncleCountByBlockHash":         uncleCountByHash,
		"eth_getUncleByBlockNumberAndIndex":    uncleByNumber,
		"eth_getUncleByBlockHashAndIndex":      uncleByHash,

		"eth_getTransactionByHash":                   transactionByHash,
		"eth_getTransactionByBlockNumberAndIndex":    transactionByNumberAndIndex,
		"eth_getTransactionByBlockHashAndIndex":      transactionByHashAndIndex,
		"eth_getRawTransactionByHash":                rawTransactionByHash,
		"eth_getRawTransactionByBlockNumberAndIndex": rawTransactionByNumberAndIndex,
		"eth_getRawTransactionByBlockHashAndIndex":   rawTransactionByHashAndIndex,
		"eth_getTransactionReceipt":                  transactionReceipt,
		"eth_getLogs":                                logs,

		"eth_getBalance":          balance,
		"eth_getCode":             code,
		"eth_getStorageAt":        storageAt,
		"eth_getStorageValues":    storageValues,
		"eth_getTransactionCount": transactionCount,
		"eth_getProof":            proof,

		"eth_call":             ethCall,
		"eth_estimateGas":      estimateGas,
		"eth_createAccessList": createAccessList,
		"eth_simulateV1":       simulateV1,

		"debug_getRawHeader":       rawHeader,
		"debug_getRawBlock":        rawBlock,
		"debug_getRawReceipts":     rawReceipts,
		"debug_getRawTransaction":  rawTransactionByHash,
		"debug_chainConfig":        chainConfig,
		"debug_storageRangeAt":     storageRangeAt,
		"debug_traceTransaction":   traceTransaction,
		"debug_traceBlock":         traceRawBlock,
		"debug_traceBlockByNumber": traceBlockByNumber,
		"debug_traceBlockByHash":   traceBlockByHash,
		"debug_traceCall":          traceCall,
		"debug_intermediateRoots":  intermediateRoots,
	})
}
