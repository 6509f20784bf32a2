// SPDX-License-Identifier: LGPL-3.0-or-later

//go:build js

// The engine as a WebAssembly file; its host is described in PROTOCOL.md.
package main

import (
	"context"
	"os"
	"runtime/debug"
	"syscall/js"

	"opengine/engine"
	"opengine/protocol"
	"opengine/rpc"
)

func main() {
	// A host that says something else in the environment, as Go's own programs are told, has it.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // 12 to 22 % less CPU than 100 for 25 MB more
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(3 << 30) // of the 4 GiB there are; near it memory is collected, whatever it costs
	}
	host := js.Global().Get("opengineHost")
	server := &protocol.Server{
		Store: func(string, bool) (engine.Store, error) { return hostStore{host}, nil },
		Reads: rpc.Handle,
	}
	call := js.FuncOf(func(_ js.Value, args []js.Value) any {
		return toJS(server.Handle(hostContext{context.Background(), host}, toGo(args[0])))
	})
	api := js.Global().Get("Object").New()
	api.Set("call", call)
	js.Global().Set("opengine", api)
	host.Call("ready", api)
	select {}
}

func toJS(bytes []byte) js.Value {
	array := js.Global().Get("Uint8Array").New(len(bytes))
	js.CopyBytesToJS(array, bytes)
	return array
}

func toGo(array js.Value) []byte {
	bytes := make([]byte, array.Get("length").Int())
	js.CopyBytesToGo(bytes, array)
	return bytes
}
