// Prints what the OP Stack's Go module embeds for a genesis and its upgrades, as one JSON object: the frozen states of the predeploys as of a fork (`states`), and
// the transactions of the upgrades that come as bundles (`bundles`). Its sources are not copied: this program reads them from the module.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/ethereum-optimism/optimism/op-core/forks"
	"github.com/ethereum-optimism/optimism/op-core/nuts"
	"github.com/ethereum-optimism/optimism/op-core/nuts/state"
	"github.com/ethereum/go-ethereum/core/types"
)

type output struct {
	States  map[forks.Name]types.GenesisAlloc `json:"states"`
	Bundles map[forks.Name]json.RawMessage    `json:"bundles"`
}

func run() error {
	out := output{
		States: map[forks.Name]types.GenesisAlloc{},
		Bundles: map[forks.Name]json.RawMessage{
			forks.Karst:  nuts.KarstNUTBundleJSON,
			forks.Lagoon: nuts.LagoonNUTBundleJSON,
		},
	}
	// What a chain has right before a fork is its state as of the one before.
	for _, next := range []forks.Name{forks.Karst, forks.Lagoon} {
		alloc, err := state.PreForkState(next)
		if err != nil {
			return err
		}
		out.States[forks.Prev(next)] = alloc
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
