package main

import (
	optypes "github.com/ethereum-optimism/optimism/op-core/types"
	"github.com/ethereum-optimism/optimism/op-node/rollup"
	"github.com/ethereum-optimism/optimism/op-service/eth"
	"github.com/ethereum-optimism/optimism/op-service/testutils"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/log"
	"github.com/ethereum/go-ethereum/params"
)

var lg = log.NewLogger(log.DiscardHandler())

type H = hexutil.Bytes

type Log struct {
	Address common.Address
	Topics  []common.Hash
	Data    H
	Index   uint
}

type L1B struct {
	Number, Time uint64
	Hash, Parent common.Hash
	Mix          common.Hash
	BaseFee      *hexutil.Big
	BlobBaseFee  *hexutil.Big
	ExcessBlob   *uint64
	Beacon       *common.Hash
	Txs          []H
	Logs         []Log
}

func (b *L1B) info() *testutils.MockBlockInfo {
	m := &testutils.MockBlockInfo{InfoHash: b.Hash, InfoParentHash: b.Parent, InfoNum: b.Number, InfoTime: b.Time, InfoMixDigest: b.Mix,
		InfoBaseFee: b.BaseFee.ToInt(), InfoParentBeaconRoot: b.Beacon, InfoExcessBlobGas: b.ExcessBlob}
	if b.BlobBaseFee != nil {
		m.InfoBlobBaseFee = b.BlobBaseFee.ToInt()
	}
	return m
}

func (b *L1B) ref() eth.L1BlockRef {
	return eth.L1BlockRef{Hash: b.Hash, Number: b.Number, ParentHash: b.Parent, Time: b.Time}
}

func (b *L1B) receipts() optypes.Receipts {
	r := &types.Receipt{Status: 1}
	for _, l := range b.Logs {
		r.Logs = append(r.Logs, &types.Log{Address: l.Address, Topics: l.Topics, Data: l.Data, Index: l.Index, BlockHash: b.Hash, BlockNumber: b.Number})
	}
	return optypes.FromGethReceipts(types.Receipts{r})
}

type Req struct {
	Cmd      string
	Data     H
	Fjord    bool
	MaxRlp   uint64
	Cfg      *rollup.Config
	Algo     string
	Kind     string
	Blocks   []BatchBlock
	Target   uint64
	Frame    uint64
	MaxSpan  int
	L1       []L1B
	Safe     eth.L2BlockRef
	Incl     eth.L1BlockRef
	L1Refs   []eth.L1BlockRef
	L2       []L2B
	Parent   eth.L2BlockRef
	SysCfg   eth.SystemConfig
	Epoch    eth.BlockID
	Blobs    map[common.Hash]H
	Iter     int
	Txs      []H
	State    map[common.Hash]common.Hash
	Time     uint64
	Gas      uint64
	Stage    []StageBlock
	Nums     []uint64
	Header   *types.Header
	ChainCfg *params.ChainConfig
}

type StageBlock struct {
	Number, Time uint64
	Datas        []H
}

type L2B struct {
	Ref eth.L2BlockRef
	Txs []H
}

type BatchBlock struct {
	ParentHash, EpochHash common.Hash
	Time, Epoch, Seq      uint64
	Txs                   []H
}
