// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"encoding/json"
	"reflect"
	"sort"
	"strings"

	"github.com/ethereum/go-ethereum/params"
)

// fork is one that the genesis file schedules and this engine has no rules for.
type fork struct {
	name string
	time uint64
}

// withoutRules are forks that op-geth's configuration has names for and whose rules it, or the protocol of this engine, lacks.
var withoutRules = map[string]bool{"lagoonTime": true, "interopTime": true, "amsterdamTime": true, "verkleTime": true}

// configure takes over the chain configuration of a genesis file.
func (c *Chain) configure(raw json.RawMessage) error {
	config := new(params.ChainConfig)
	if err := json.Unmarshal(raw, config); err != nil {
		return fail(GenesisInvalid, `"config" cannot be read: %v`, err)
	}
	if config.ChainID == nil || config.ChainID.Sign() <= 0 {
		return fail(GenesisInvalid, `"config.chainId" is missing`)
	}
	// Karst brings the EVM of Osaka. Op-geth wants to be told so in a second field and leaves the chain without it.
	if config.IsOptimism() {
		if config.OsakaTime == nil {
			config.OsakaTime = config.KarstTime
		}
		if (config.OsakaTime == nil) != (config.KarstTime == nil) || (config.OsakaTime != nil && *config.OsakaTime != *config.KarstTime) {
			return fail(GenesisInvalid, `"config.osakaTime" must equal "config.karstTime"`)
		}
	}
	if err := config.CheckConfigForkOrder(); err != nil {
		return fail(GenesisInvalid, `"config": %v`, err)
	}
	if err := config.CheckOptimismValidity(); err != nil {
		return fail(GenesisInvalid, `"config": %v`, err)
	}
	if err := checkForkOrder(config); err != nil {
		return err
	}
	c.config = config
	c.unknown = unknownForks(raw)
	return nil
}

// checkForkOrder wants each fork of the OP Stack to have those before it. Op-geth checks the forks of L1 only.
func checkForkOrder(config *params.ChainConfig) error {
	if !config.IsOptimism() {
		return nil
	}
	zero := uint64(0)
	before := fork{"bedrockBlock", 0}
	missing := ""
	for _, next := range []struct {
		name string
		time *uint64
	}{
		{"bedrockBlock", &zero}, {"regolithTime", config.RegolithTime}, {"canyonTime", config.CanyonTime}, {"ecotoneTime", config.EcotoneTime},
		{"fjordTime", config.FjordTime}, {"graniteTime", config.GraniteTime}, {"holoceneTime", config.HoloceneTime},
		{"isthmusTime", config.IsthmusTime}, {"jovianTime", config.JovianTime}, {"karstTime", config.KarstTime},
	} {
		switch {
		case next.time == nil:
			if missing == "" {
				missing = next.name
			}
		case missing != "":
			return fail(GenesisInvalid, `"config.%s" is set and "config.%s", a fork before it, is not`, next.name, missing)
		case *next.time < before.time:
			return fail(GenesisInvalid, `"config.%s" is before "config.%s"`, next.name, before.name)
		default:
			before = fork{next.name, *next.time}
		}
	}
	return nil
}

// unknownForks finds times of forks that this engine would pass over in silence.
func unknownForks(raw json.RawMessage) (forks []fork) {
	known := map[string]bool{}
	fields := reflect.TypeFor[params.ChainConfig]()
	for i := range fields.NumField() {
		name, _, _ := strings.Cut(fields.Field(i).Tag.Get("json"), ",")
		known[name] = true
	}
	var all map[string]json.RawMessage
	json.Unmarshal(raw, &all)
	for name, value := range all {
		var time *uint64
		if !strings.HasSuffix(name, "Time") || (known[name] && !withoutRules[name]) || json.Unmarshal(value, &time) != nil || time == nil {
			continue
		}
		forks = append(forks, fork{name, *time})
	}
	sort.Slice(forks, func(i, j int) bool { return forks[i].name < forks[j].name })
	return forks
}

// hasRules refuses a block in a fork that this engine has no rules for.
func (c *Chain) hasRules(timestamp uint64) error {
	for _, fork := range c.unknown {
		if timestamp >= fork.time {
			return fail(ForkUnsupported, "%s is %d and the block's timestamp is %d: this engine has no rules for that fork", fork.name, fork.time, timestamp)
		}
	}
	return nil
}
