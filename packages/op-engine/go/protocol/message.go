// SPDX-License-Identifier: LGPL-3.0-or-later

// Package protocol speaks PROTOCOL.md: messages of a JSON header and byte strings, and what the methods do with an engine.
package protocol

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	"opengine/engine"
)

// Message is a header with the byte strings behind it.
type Message struct {
	Header json.RawMessage
	Bytes  [][]byte
}

// Request is the header of a message to the engine.
type Request struct {
	ID     uint64          `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// Answer is the header of a message from the engine.
type Answer struct {
	ID     uint64        `json:"id"`
	Result any           `json:"result,omitempty"`
	Error  *engine.Error `json:"error,omitempty"`
}

var errMessage = errors.New("the message is no header and byte strings")

// Decode takes a message apart. Its parts belong to the packed bytes.
func Decode(packed []byte) (message Message, err error) {
	next := func() ([]byte, bool) {
		if len(packed) < 4 {
			return nil, false
		}
		size := uint64(binary.BigEndian.Uint32(packed))
		if size > uint64(len(packed)-4) {
			return nil, false
		}
		part := packed[4 : 4+size : 4+size]
		packed = packed[4+size:]
		return part, true
	}
	header, ok := next()
	if !ok || len(packed) < 4 {
		return Message{}, errMessage
	}
	message.Header = header
	count := uint64(binary.BigEndian.Uint32(packed))
	packed = packed[4:]
	if count > uint64(len(packed)/4) {
		return Message{}, errMessage
	}
	message.Bytes = make([][]byte, count)
	for i := range message.Bytes {
		if message.Bytes[i], ok = next(); !ok {
			return Message{}, errMessage
		}
	}
	if len(packed) > 0 {
		return Message{}, errMessage
	}
	return message, nil
}

// Encode packs a message.
func Encode(header any, parts [][]byte) []byte {
	encoded, err := json.Marshal(header)
	if err != nil {
		panic(err)
	}
	size := 8 + len(encoded)
	for _, part := range parts {
		size += 4 + len(part)
	}
	packed := make([]byte, 0, size)
	packed = binary.BigEndian.AppendUint32(packed, uint32(len(encoded)))
	packed = append(packed, encoded...)
	packed = binary.BigEndian.AppendUint32(packed, uint32(len(parts)))
	for _, part := range parts {
		packed = binary.BigEndian.AppendUint32(packed, uint32(len(part)))
		packed = append(packed, part...)
	}
	return packed
}
