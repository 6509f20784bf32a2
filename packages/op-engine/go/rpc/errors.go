// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/vm"

	"opengine/protocol"
)

// Error is an error object of JSON-RPC.
type Error = protocol.RPCError

// Codes of geth: of JSON-RPC itself, of EIP-1474, and of the specification of eth_simulateV1.
const (
	codeReverted         = 3
	codeHistoryPruned    = 4444
	codeDefault          = -32000
	codeTimeout          = -32002
	codeResponseTooLarge = -32003
	codeVM               = -32015
	codeMethodNotFound   = -32601
	codeInvalidParams    = -32602
	codeInternal         = -32603

	codeNonceTooLow           = -38010
	codeNonceTooHigh          = -38011
	codeIntrinsicGas          = -38013
	codeInsufficientFunds     = -38014
	codeBlockGasLimit         = -38015
	codeBlockNumberInvalid    = -38020
	codeBlockTimestampInvalid = -38021
	codeSenderNotEOA          = -38024
	codeInitCodeTooLarge      = -38025
	codeClientLimit           = -38026
)

var errHistoryPruned = &Error{Code: codeHistoryPruned, Message: "pruned history unavailable"}

func methodNotFound(method string) *Error {
	return &Error{Code: codeMethodNotFound, Message: fmt.Sprintf("the method %s does not exist/is not available", method)}
}

func invalidParams(format string, args ...any) *Error {
	return &Error{Code: codeInvalidParams, Message: fmt.Sprintf(format, args...)}
}

func clientLimit(format string, args ...any) *Error {
	return &Error{Code: codeClientLimit, Message: fmt.Sprintf(format, args...)}
}

// reverted is the error of a call that reverted, with the reason where the data is one of Solidity's.
func reverted(data []byte) *Error {
	message := vm.ErrExecutionReverted.Error()
	if reason, err := abi.UnpackRevert(data); err == nil {
		message += ": " + reason
	}
	return &Error{Code: codeReverted, Message: message, Data: quoted(hexutil.Encode(data))}
}

// invalidTransaction is the error of a simulated transaction that no block could hold.
func invalidTransaction(err error) *Error {
	code := codeInternal
	for _, known := range []struct {
		err  error
		code int
	}{
		{core.ErrNonceTooHigh, codeNonceTooHigh},
		{core.ErrNonceTooLow, codeNonceTooLow},
		{core.ErrSenderNoEOA, codeSenderNotEOA},
		{core.ErrFeeCapVeryHigh, codeInvalidParams},
		{core.ErrTipVeryHigh, codeInvalidParams},
		{core.ErrTipAboveFeeCap, codeInvalidParams},
		{core.ErrFeeCapTooLow, codeInvalidParams},
		{core.ErrInsufficientFunds, codeInsufficientFunds},
		{core.ErrIntrinsicGas, codeIntrinsicGas},
		{core.ErrInsufficientFundsForTransfer, codeInsufficientFunds},
		{vm.ErrMaxInitCodeSizeExceeded, codeInitCodeTooLarge},
	} {
		if errors.Is(err, known.err) {
			code = known.code
			break
		}
	}
	return &Error{Code: code, Message: err.Error()}
}

func quoted(text string) json.RawMessage { return json.RawMessage(`"` + text + `"`) }
