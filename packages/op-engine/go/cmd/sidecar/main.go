// SPDX-License-Identifier: LGPL-3.0-or-later

//go:build !js

// The engine as a program of its own, asked over its standard input and answering over its standard output, as PROTOCOL.md says. It
// ends when its input does.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"opengine/disk"
	"opengine/engine"
	"opengine/protocol"
	"opengine/rpc"
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // less CPU for a little memory, as in WebAssembly
	}
	server := &protocol.Server{
		Store: func(path string, readOnly bool) (engine.Store, error) {
			if path == "" {
				return engine.NewMemory(), nil
			}
			return disk.Open(path)
		},
		Reads: rpc.Handle,
	}
	if err := protocol.Serve(server, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
