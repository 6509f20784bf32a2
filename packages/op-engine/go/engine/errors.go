// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import "fmt"

// Code says what kind of fault an [Error] is: the codes of PROTOCOL.md.
type Code string

const (
	GenesisInvalid     Code = "GENESIS_INVALID"
	StoreForeign       Code = "STORE_FOREIGN"
	StoreCorrupt       Code = "STORE_CORRUPT"
	StoreFailed        Code = "STORE_FAILED"
	ForkUnsupported    Code = "FORK_UNSUPPORTED"
	UnknownBlock       Code = "UNKNOWN_BLOCK"
	StatePruned        Code = "STATE_PRUNED"
	HistoryPruned      Code = "HISTORY_PRUNED"
	Attributes         Code = "ATTRIBUTES"
	TransactionInvalid Code = "TRANSACTION_INVALID"
	Forkchoice         Code = "FORKCHOICE"
	ReadOnly           Code = "READ_ONLY"
	Cancelled          Code = "CANCELLED"
	Timeout            Code = "TIMEOUT"
	Request            Code = "REQUEST"
	Internal           Code = "INTERNAL"
)

// Error is a fault with a code that a program can act on. The engine is as it was before the question.
type Error struct {
	Code    Code           `json:"code"`
	Message string         `json:"message"`
	Details map[string]any `json:"details,omitempty"`
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

func fail(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
