// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"runtime"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/forkid"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/params/forks"
)

// What a node says about itself and its chain.

func clientVersion(c *call) (string, error) {
	return "op-engine/" + c.Version + "/" + runtime.GOOS + "-" + runtime.GOARCH + "/" + runtime.Version(), nil
}

func sha3(c *call, data hexutil.Bytes) (hexutil.Bytes, error) { return crypto.Keccak256(data), nil }

func netVersion(c *call) (string, error) { return c.chain.Config().ChainID.String(), nil }

func netListening(c *call) (bool, error) { return false, nil }

func netPeerCount(c *call) (hexutil.Uint, error) { return 0, nil }

func chainID(c *call) (*hexutil.Big, error) { return (*hexutil.Big)(c.chain.Config().ChainID), nil }

func blockNumberOfHead(c *call) (hexutil.Uint64, error) {
	head, err := c.head()
	if err != nil {
		return 0, err
	}
	return hexutil.Uint64(head.Number.Uint64()), nil
}

// syncing is false: an engine knows no block that it has not executed.
func syncing(c *call) (bool, error) { return false, nil }

// accounts is empty: an engine holds no keys.
func accounts(c *call) ([]common.Address, error) { return []common.Address{}, nil }

func chainConfig(c *call) (*params.ChainConfig, error) { return c.chain.Config(), nil }

// forkConfig describes the rules of one fork (EIP-7910).
type forkConfig struct {
	ActivationTime  uint64                    `json:"activationTime"`
	BlobSchedule    *params.BlobConfig        `json:"blobSchedule"`
	ChainID         *hexutil.Big              `json:"chainId"`
	ForkID          hexutil.Bytes             `json:"forkId"`
	Precompiles     map[string]common.Address `json:"precompiles"`
	SystemContracts map[string]common.Address `json:"systemContracts"`
}

type forkConfigs struct {
	Current *forkConfig `json:"current"`
	Next    *forkConfig `json:"next"`
	Last    *forkConfig `json:"last"`
}

func config(c *call) (*forkConfigs, error) {
	head, err := c.head()
	if err != nil {
		return nil, err
	}
	genesis, err := c.chain.Header(c.chain.Genesis())
	if err != nil {
		return nil, err
	}
	chain := c.chain.Config()
	describe := func(fork forks.Fork) *forkConfig {
		time := chain.Timestamp(fork)
		if time == nil {
			return nil
		}
		precompiles := map[string]common.Address{}
		for address, contract := range vm.ActivePrecompiledContracts(chain.Rules(chain.LondonBlock, true, *time)) {
			precompiles[contract.Name()] = address
		}
		activation := *time
		if activation <= genesis.Time {
			activation = 0
		}
		var blobs *params.BlobConfig
		if chain.BlobScheduleConfig != nil { // which a chain of the OP Stack has no use for
			blobs = chain.BlobConfig(chain.LatestFork(*time))
		}
		id := forkid.NewID(chain, types.NewBlockWithHeader(genesis), ^uint64(0), *time).Hash
		return &forkConfig{
			ActivationTime:  activation,
			BlobSchedule:    blobs,
			ChainID:         (*hexutil.Big)(chain.ChainID),
			ForkID:          id[:],
			Precompiles:     precompiles,
			SystemContracts: chain.ActiveSystemContracts(*time),
		}
	}
	current := chain.LatestFork(head.Time)
	answer := &forkConfigs{Current: describe(current), Next: describe(current + 1)}
	if answer.Next != nil {
		answer.Last = describe(chain.LatestFork(^uint64(0)))
	}
	return answer, nil
}
