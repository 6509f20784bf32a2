// SPDX-License-Identifier: LGPL-3.0-or-later

package protocol

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"opengine/engine"
)

// Uint64 is a decimal string, or a number that JSON can hold exactly.
type Uint64 uint64

func (u *Uint64) UnmarshalJSON(input []byte) error {
	text := string(input)
	if len(text) >= 2 && text[0] == '"' {
		text = text[1 : len(text)-1]
	}
	value, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return fmt.Errorf("%q is no number of 64 bits", text)
	}
	*u = Uint64(value)
	return nil
}

func (u Uint64) MarshalJSON() ([]byte, error) {
	return []byte(`"` + strconv.FormatUint(uint64(u), 10) + `"`), nil
}

type openParams struct {
	History  engine.History `json:"history"`
	ReadOnly bool           `json:"readOnly"`
	Path     string         `json:"path"`
}

type headView struct {
	Number Uint64      `json:"number"`
	Hash   common.Hash `json:"hash"`
}

type openResult struct {
	Name      string      `json:"name"`
	Version   string      `json:"version"`
	Genesis   common.Hash `json:"genesis"`
	Head      *headView   `json:"head"`
	Safe      *headView   `json:"safe"`
	Finalized *headView   `json:"finalized"`
}

type withdrawal struct {
	Index          Uint64         `json:"index"`
	ValidatorIndex Uint64         `json:"validatorIndex"`
	Address        common.Address `json:"address"`
	Amount         Uint64         `json:"amount"`
}

type buildParams struct {
	Parent                common.Hash    `json:"parent"`
	Timestamp             *Uint64        `json:"timestamp"`
	PrevRandao            common.Hash    `json:"prevRandao"`
	SuggestedFeeRecipient common.Address `json:"suggestedFeeRecipient"`
	Withdrawals           *[]withdrawal  `json:"withdrawals"`
	ParentBeaconBlockRoot *common.Hash   `json:"parentBeaconBlockRoot"`
	GasLimit              *Uint64        `json:"gasLimit"`
	EIP1559Params         *hexutil.Bytes `json:"eip1559Params"`
	MinBaseFee            *Uint64        `json:"minBaseFee"`
	Senders               bool           `json:"senders"`
}

func (p *buildParams) attributes(parts [][]byte) (*engine.PayloadAttributes, error) {
	if p.Timestamp == nil || p.GasLimit == nil {
		return nil, refuse("build wants a timestamp and a gasLimit")
	}
	a := &engine.PayloadAttributes{
		Timestamp:             uint64(*p.Timestamp),
		PrevRandao:            p.PrevRandao,
		SuggestedFeeRecipient: p.SuggestedFeeRecipient,
		ParentBeaconBlockRoot: p.ParentBeaconBlockRoot,
		GasLimit:              uint64(*p.GasLimit),
		MinBaseFee:            (*uint64)(p.MinBaseFee),
		Transactions:          parts,
	}
	if p.EIP1559Params != nil {
		a.EIP1559Params = append([]byte{}, *p.EIP1559Params...)
	}
	if p.Withdrawals != nil {
		a.Withdrawals = make(types.Withdrawals, len(*p.Withdrawals))
		for i, w := range *p.Withdrawals {
			a.Withdrawals[i] = &types.Withdrawal{Index: uint64(w.Index), Validator: uint64(w.ValidatorIndex), Address: w.Address, Amount: uint64(w.Amount)}
		}
	}
	if p.Senders {
		if len(parts)%2 != 0 {
			return nil, refuse("build wants one sender for each transaction")
		}
		half := len(parts) / 2
		a.Transactions = parts[:half]
		a.Senders = make([]common.Address, half)
		for i, sender := range parts[half:] {
			if len(sender) != common.AddressLength {
				return nil, refuse("sender %d has %d bytes, not 20", i, len(sender))
			}
			a.Senders[i] = common.Address(sender)
		}
	}
	return a, nil
}

type blockView struct {
	Number                Uint64           `json:"number"`
	Hash                  common.Hash      `json:"hash"`
	ParentHash            common.Hash      `json:"parentHash"`
	Sha3Uncles            common.Hash      `json:"sha3Uncles"`
	Miner                 common.Address   `json:"miner"`
	StateRoot             common.Hash      `json:"stateRoot"`
	TransactionsRoot      common.Hash      `json:"transactionsRoot"`
	ReceiptsRoot          common.Hash      `json:"receiptsRoot"`
	LogsBloom             types.Bloom      `json:"logsBloom"`
	Difficulty            string           `json:"difficulty"`
	GasLimit              Uint64           `json:"gasLimit"`
	GasUsed               Uint64           `json:"gasUsed"`
	Timestamp             Uint64           `json:"timestamp"`
	ExtraData             hexutil.Bytes    `json:"extraData"`
	MixHash               common.Hash      `json:"mixHash"`
	Nonce                 types.BlockNonce `json:"nonce"`
	BaseFeePerGas         *string          `json:"baseFeePerGas,omitempty"`
	WithdrawalsRoot       *common.Hash     `json:"withdrawalsRoot,omitempty"`
	BlobGasUsed           *Uint64          `json:"blobGasUsed,omitempty"`
	ExcessBlobGas         *Uint64          `json:"excessBlobGas,omitempty"`
	ParentBeaconBlockRoot *common.Hash     `json:"parentBeaconBlockRoot,omitempty"`
	RequestsHash          *common.Hash     `json:"requestsHash,omitempty"`
	Size                  Uint64           `json:"size"`
}

func viewOf(block *types.Block) *blockView {
	h := block.Header()
	view := &blockView{
		Number:                Uint64(h.Number.Uint64()),
		Hash:                  block.Hash(),
		ParentHash:            h.ParentHash,
		Sha3Uncles:            h.UncleHash,
		Miner:                 h.Coinbase,
		StateRoot:             h.Root,
		TransactionsRoot:      h.TxHash,
		ReceiptsRoot:          h.ReceiptHash,
		LogsBloom:             h.Bloom,
		Difficulty:            decimal(h.Difficulty),
		GasLimit:              Uint64(h.GasLimit),
		GasUsed:               Uint64(h.GasUsed),
		Timestamp:             Uint64(h.Time),
		ExtraData:             h.Extra,
		MixHash:               h.MixDigest,
		Nonce:                 h.Nonce,
		WithdrawalsRoot:       h.WithdrawalsHash,
		BlobGasUsed:           (*Uint64)(h.BlobGasUsed),
		ExcessBlobGas:         (*Uint64)(h.ExcessBlobGas),
		ParentBeaconBlockRoot: h.ParentBeaconRoot,
		RequestsHash:          h.RequestsHash,
		Size:                  Uint64(block.Size()),
	}
	if h.BaseFee != nil {
		fee := h.BaseFee.String()
		view.BaseFeePerGas = &fee
	}
	return view
}

func decimal(n *big.Int) string {
	if n == nil {
		return "0"
	}
	return n.String()
}

type buildResult struct {
	Block    *blockView       `json:"block"`
	Receipts []engine.Outcome `json:"receipts"`
}

type blockResult struct {
	Block *blockView `json:"block"`
}

type receiptsResult struct {
	Receipts []engine.Outcome `json:"receipts"`
}

type accountView struct {
	Nonce     Uint64 `json:"nonce"`
	Balance   string `json:"balance"`
	Delegated bool   `json:"delegated"`
}

type accountsResult struct {
	Accounts []accountView `json:"accounts"`
}

type pruneResult struct {
	Done    bool `json:"done"`
	Deleted int  `json:"deleted"`
}

type rpcParams struct {
	Method    string          `json:"method"`
	Params    json.RawMessage `json:"params"`
	GasCap    Uint64          `json:"gasCap"`
	TimeoutMs Uint64          `json:"timeoutMs"`
}

type rpcResult struct {
	Result json.RawMessage `json:"result,omitempty"`
	Error  *RPCError       `json:"error,omitempty"`
}

// RPCError is an error as geth's JSON-RPC gives it.
type RPCError struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"`
}

func (e *RPCError) Error() string { return e.Message }

func refuse(format string, args ...any) *engine.Error {
	return &engine.Error{Code: engine.Request, Message: fmt.Sprintf(format, args...)}
}
