package main

import (
	"context"
	"errors"
	"io"

	altda "github.com/ethereum-optimism/optimism/op-alt-da"
	optypes "github.com/ethereum-optimism/optimism/op-core/types"
	"github.com/ethereum-optimism/optimism/op-node/rollup"
	"github.com/ethereum-optimism/optimism/op-node/rollup/derive"
	"github.com/ethereum-optimism/optimism/op-service/eth"
	"github.com/ethereum-optimism/optimism/op-service/testutils"
	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rlp"
)

// l2 fakes
type fakeL2 struct {
	cfg      *rollup.Config
	byHash   map[common.Hash]*eth.ExecutionPayloadEnvelope
	byNumber map[uint64]*eth.ExecutionPayloadEnvelope
}

func (f *fakeL2) PayloadByHash(_ context.Context, h common.Hash) (*eth.ExecutionPayloadEnvelope, error) {
	if p, ok := f.byHash[h]; ok {
		return p, nil
	}
	return nil, ethereum.NotFound
}

func (f *fakeL2) PayloadByNumber(_ context.Context, n uint64) (*eth.ExecutionPayloadEnvelope, error) {
	if p, ok := f.byNumber[n]; ok {
		return p, nil
	}
	return nil, ethereum.NotFound
}

func (f *fakeL2) L2BlockRefByLabel(context.Context, eth.BlockLabel) (eth.L2BlockRef, error) {
	return eth.L2BlockRef{}, errors.New("no labels")
}

func (f *fakeL2) L2BlockRefByHash(_ context.Context, h common.Hash) (eth.L2BlockRef, error) {
	if p, ok := f.byHash[h]; ok {
		return derive.PayloadToBlockRef(f.cfg, p.ExecutionPayload)
	}
	return eth.L2BlockRef{}, ethereum.NotFound
}

func (f *fakeL2) L2BlockRefByNumber(_ context.Context, n uint64) (eth.L2BlockRef, error) {
	if p, ok := f.byNumber[n]; ok {
		return derive.PayloadToBlockRef(f.cfg, p.ExecutionPayload)
	}
	return eth.L2BlockRef{}, ethereum.NotFound
}

func (f *fakeL2) SystemConfigByL2Hash(_ context.Context, h common.Hash) (eth.SystemConfig, error) {
	if p, ok := f.byHash[h]; ok {
		return derive.PayloadToSystemConfig(f.cfg, p.ExecutionPayload)
	}
	return eth.SystemConfig{}, ethereum.NotFound
}

type fakeL1 struct {
	byHash map[common.Hash]*L1B
	byNum  map[uint64]*L1B
	blobs  map[common.Hash]H
}

func (f *fakeL1) get(h common.Hash) (*L1B, error) {
	if b, ok := f.byHash[h]; ok {
		return b, nil
	}
	return nil, ethereum.NotFound
}

func (f *fakeL1) InfoByHash(_ context.Context, h common.Hash) (eth.BlockInfo, error) {
	b, err := f.get(h)
	if err != nil {
		return nil, err
	}
	return b.info(), nil
}

func (f *fakeL1) FetchReceipts(_ context.Context, h common.Hash) (eth.BlockInfo, optypes.Receipts, error) {
	b, err := f.get(h)
	if err != nil {
		return nil, nil, err
	}
	return b.info(), b.receipts(), nil
}

func (f *fakeL1) InfoAndTxsByHash(_ context.Context, h common.Hash) (eth.BlockInfo, types.Transactions, error) {
	b, err := f.get(h)
	if err != nil {
		return nil, nil, err
	}
	var txs types.Transactions
	for _, raw := range b.Txs {
		var t types.Transaction
		if err := t.UnmarshalBinary(raw); err != nil {
			panic("bad L1 tx " + err.Error())
		}
		txs = append(txs, &t)
	}
	return b.info(), txs, nil
}

func (f *fakeL1) L1BlockRefByLabel(_ context.Context, l eth.BlockLabel) (eth.L1BlockRef, error) {
	return eth.L1BlockRef{}, ethereum.NotFound
}

func (f *fakeL1) L1BlockRefByNumber(_ context.Context, n uint64) (eth.L1BlockRef, error) {
	if b, ok := f.byNum[n]; ok {
		return b.ref(), nil
	}
	return eth.L1BlockRef{}, ethereum.NotFound
}

func (f *fakeL1) L1BlockRefByHash(_ context.Context, h common.Hash) (eth.L1BlockRef, error) {
	b, err := f.get(h)
	if err != nil {
		return eth.L1BlockRef{}, err
	}
	return b.ref(), nil
}

func (f *fakeL1) GetBlobsByHash(_ context.Context, t uint64, hs []common.Hash) ([]*eth.Blob, error) {
	var out []*eth.Blob
	for _, h := range hs {
		b, ok := f.blobs[h]
		if !ok {
			return nil, ethereum.NotFound
		}
		var x eth.Blob
		copy(x[:], b)
		out = append(out, &x)
	}
	return out, nil
}

func hashAttrs(parent common.Hash, a *eth.PayloadAttributes) common.Hash {
	w := uint64(0)
	if a.Withdrawals != nil {
		w = 1
	}
	var beacon, e1559 []byte
	if a.ParentBeaconBlockRoot != nil {
		beacon = a.ParentBeaconBlockRoot[:]
	}
	if a.EIP1559Params != nil {
		e1559 = a.EIP1559Params[:]
	}
	var mbf any = []byte{}
	if a.MinBaseFee != nil {
		mbf = *a.MinBaseFee
	}
	txs := []any{}
	for _, t := range a.Transactions {
		txs = append(txs, []byte(t))
	}
	enc, err := rlp.EncodeToBytes([]any{parent[:], uint64(a.Timestamp), a.PrevRandao[:], a.SuggestedFeeRecipient[:], w, beacon, uint64(*a.GasLimit), e1559, mbf, txs})
	if err != nil {
		panic(err)
	}
	return crypto.Keccak256Hash(enc)
}

func pipeline(r *Req) any {
	l1 := &fakeL1{byHash: map[common.Hash]*L1B{}, byNum: map[uint64]*L1B{}, blobs: r.Blobs}
	for i := range r.L1 {
		b := &r.L1[i]
		l1.byHash[b.Hash] = b
		l1.byNum[b.Number] = b
	}
	cfg := r.Cfg
	l2 := &fakeL2{cfg: cfg, byHash: map[common.Hash]*eth.ExecutionPayloadEnvelope{}, byNumber: map[uint64]*eth.ExecutionPayloadEnvelope{}}
	g := &eth.ExecutionPayloadEnvelope{ExecutionPayload: &eth.ExecutionPayload{BlockHash: cfg.Genesis.L2.Hash, BlockNumber: eth.Uint64Quantity(cfg.Genesis.L2.Number), Timestamp: eth.Uint64Quantity(cfg.Genesis.L2Time), GasLimit: eth.Uint64Quantity(cfg.Genesis.SystemConfig.GasLimit)}}
	l2.byHash[cfg.Genesis.L2.Hash] = g
	l2.byNumber[cfg.Genesis.L2.Number] = g
	var ad altDAFake
	dp := derive.NewDerivationPipeline(lg, cfg, nil, l1, l1, &ad, l2, &testutils.TestDerivationMetrics{}, params.MainnetChainConfig)
	dp.Reset()
	dp.ConfirmEngineReset()
	head, err := l2.L2BlockRefByHash(context.Background(), cfg.Genesis.L2.Hash)
	if err != nil {
		return map[string]any{"err": err.Error()}
	}
	safe := head
	blocks := []any{}
	ctx := context.Background()
	for steps := 0; steps < 2_000_000; steps++ {
		at, err := dp.Step(ctx, head)
		if err == io.EOF {
			break
		}
		if errors.Is(err, derive.NotEnoughData) {
			continue
		}
		if err != nil {
			return map[string]any{"blocks": blocks, "err": err.Error()}
		}
		if at == nil {
			continue
		}
		refuse := false
		for _, t := range at.Attributes.Transactions {
			if len(t) > 0 && t[0] == 0xff {
				refuse = true
			}
		}
		if refuse {
			if cfg.IsHolocene(uint64(at.Attributes.Timestamp)) {
				at, err = dp.DepositsOnlyAttributes(at.Parent.ID(), at.DerivedFrom)
				if err != nil {
					return map[string]any{"blocks": blocks, "err": err.Error()}
				}
			} else {
				for n := head.Number; n > safe.Number; n-- {
					delete(l2.byNumber, n)
				}
				for len(blocks) > int(safe.Number-cfg.Genesis.L2.Number) {
					blocks = blocks[:len(blocks)-1]
				}
				head = safe
				continue
			}
		}
		a := at.Attributes
		h := hashAttrs(head.Hash, a)
		p := &eth.ExecutionPayload{ParentHash: head.Hash, FeeRecipient: a.SuggestedFeeRecipient, BlockNumber: eth.Uint64Quantity(head.Number + 1), GasLimit: *a.GasLimit, Timestamp: a.Timestamp, ExtraData: extraFor(cfg, a), BlockHash: h, Transactions: a.Transactions}
		env := &eth.ExecutionPayloadEnvelope{ExecutionPayload: p}
		l2.byHash[h] = env
		l2.byNumber[uint64(p.BlockNumber)] = env
		ref, err := derive.PayloadToBlockRef(cfg, p)
		if err != nil {
			return map[string]any{"blocks": blocks, "err": err.Error()}
		}
		head = ref
		if at.Concluding {
			safe = head
		}
		b := map[string]any{"n": ref.Number, "hash": h, "time": ref.Time, "origin": ref.L1Origin.Number, "seq": ref.SequenceNumber, "ntx": len(a.Transactions), "from": at.DerivedFrom.Number}
		if r.Iter > 0 {
			b["attrs"] = a
		}
		blocks = append(blocks, b)
	}
	return map[string]any{"blocks": blocks, "safe": safe.Number}
}

type altDAFake struct{}

func (altDAFake) GetInput(ctx context.Context, l1 altda.L1Fetcher, c altda.CommitmentData, blockId eth.L1BlockRef) (eth.Data, error) {
	return nil, errors.New("no")
}

func (altDAFake) AdvanceL1Origin(ctx context.Context, l1 altda.L1Fetcher, blockId eth.BlockID) error {
	return nil
}

func (altDAFake) Reset(ctx context.Context, base eth.L1BlockRef, baseCfg eth.SystemConfig) error {
	return io.EOF
}
