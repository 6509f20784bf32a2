// SPDX-License-Identifier: LGPL-3.0-or-later

//go:build js

package main

import (
	"context"
	"errors"
	"syscall/js"

	"opengine/engine"
)

// hostStore is the store of the host.
type hostStore struct{ host js.Value }

// caught turns an exception of the host, which syscall/js throws as a panic, into an error.
func caught(err *error) {
	switch fault := recover().(type) {
	case nil:
	case js.Error:
		*err = errors.New(fault.Value.Call("toString").String())
	default:
		panic(fault)
	}
}

func (s hostStore) Get(key []byte) (value []byte, err error) {
	defer caught(&err)
	found := s.host.Call("get", toJS(key))
	if found.IsUndefined() || found.IsNull() {
		return nil, nil
	}
	return toGo(found), nil
}

func (s hostStore) Write(batch *engine.Batch) (err error) {
	defer caught(&err)
	s.host.Call("write", toJS(batch.Packed))
	return nil
}

func (s hostStore) Scan(prefix, start []byte, maxBytes int) (pairs []engine.Pair, err error) {
	defer caught(&err)
	pairs, ok := engine.Unpack(toGo(s.host.Call("scan", toJS(prefix), toJS(start), maxBytes)))
	if !ok {
		return nil, errors.New("the host's answer to a scan is no list of pairs")
	}
	return pairs, nil
}

func (s hostStore) Close() error { return nil }

// hostContext asks the host whether a request is cancelled. Nothing else runs while the engine does, so Done never fires: Err is
// to be asked now and then.
type hostContext struct {
	context.Context
	host js.Value
}

func (c hostContext) Err() error {
	if c.host.Call("cancelled").Truthy() {
		return context.Canceled
	}
	return nil
}
