// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// senderOf gives a signer for one transaction that takes the sender from a list where somebody has recovered it already.
func senderOf(signer types.Signer, tx *types.Transaction, senders []common.Address, index int) types.Signer {
	if index >= len(senders) || senders[index] == (common.Address{}) || tx.IsDepositTx() {
		return signer
	}
	return recovered{signer, senders[index]}
}

type recovered struct {
	types.Signer
	from common.Address
}

// Sender believes the address, and nothing else: a type that the fork lacks or another chain's id is refused as ever.
func (r recovered) Sender(tx *types.Transaction) (common.Address, error) {
	if tx.Type() == types.LegacyTxType {
		if tx.Protected() && tx.ChainId().Cmp(r.ChainID()) != 0 {
			return common.Address{}, types.ErrInvalidChainId
		}
		return r.from, nil
	}
	if _, _, _, err := r.SignatureValues(tx, anySignature); err != nil {
		return common.Address{}, err
	}
	return r.from, nil
}

// Equal keeps a sender that was believed out of the transaction's own memory.
func (r recovered) Equal(types.Signer) bool { return false }

// anySignature has the form of one: what is asked of it is whether the signer knows the transaction's type and chain.
var anySignature = make([]byte, 65)
