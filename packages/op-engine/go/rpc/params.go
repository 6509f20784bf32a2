// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
)

// gethsTypes puts the packages of geth's types where an error of encoding/json has ours.
var gethsTypes = strings.NewReplacer(
	"rpc.TransactionArgs", "ethapi.TransactionArgs", "rpc.simOpts", "ethapi.simOpts", "rpc.simBlock", "ethapi.simBlock",
	"rpc.StateOverride", "override.StateOverride", "rpc.OverrideAccount", "override.OverrideAccount", "rpc.BlockOverrides", "override.BlockOverrides",
	"rpc.TraceConfig", "tracers.TraceConfig", "rpc.TraceCallConfig", "tracers.TraceCallConfig", "rpc.input", "filters.input",
)

// parseArguments reads positional parameters. Those of a pointer type may be missing or null, at the end.
func parseArguments(params json.RawMessage, types []reflect.Type) ([]reflect.Value, error) {
	decoder := json.NewDecoder(bytes.NewReader(params))
	var args []reflect.Value
	switch token, err := decoder.Token(); {
	case err == io.EOF || (err == nil && token == nil): // absent, or null
	case err != nil:
		return nil, invalidParams("%v", err)
	case token == json.Delim('['):
		if args, err = parseArray(decoder, types); err != nil {
			return nil, err
		}
	default:
		return nil, invalidParams("non-array args")
	}
	for i := len(args); i < len(types); i++ {
		if types[i].Kind() != reflect.Pointer {
			return nil, invalidParams("missing value for required argument %d", i)
		}
		args = append(args, reflect.Zero(types[i]))
	}
	return args, nil
}

func parseArray(decoder *json.Decoder, types []reflect.Type) ([]reflect.Value, error) {
	var args []reflect.Value
	for i := 0; decoder.More(); i++ {
		if i >= len(types) {
			return nil, invalidParams("too many arguments, want at most %d", len(types))
		}
		value := reflect.New(types[i])
		if err := decoder.Decode(value.Interface()); err != nil {
			return nil, invalidParams("invalid argument %d: %s", i, gethsTypes.Replace(err.Error()))
		}
		args = append(args, value.Elem())
	}
	if _, err := decoder.Token(); err != nil {
		return nil, invalidParams("%v", err)
	}
	return args, nil
}
