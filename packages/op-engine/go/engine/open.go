// SPDX-License-Identifier: LGPL-3.0-or-later

package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/holiman/uint256"
)

func (c *Chain) open(file []byte) error {
	digest := common.Hash(sha256.Sum256(file))
	var format formatRecord
	formatted, err := c.db.record(keyFormat, &format)
	if err != nil {
		return err
	}
	if formatted && format.Format != storeFormat {
		return fail(StoreForeign, "the store has format %d, this engine reads format %d", format.Format, storeFormat)
	}
	if !formatted {
		pairs, err := c.db.store.Scan(nil, nil, 1)
		if err != nil {
			return c.db.failed(storeFault("read", err))
		}
		if len(pairs) > 0 {
			return fail(StoreForeign, "the store holds something else: a key %x and no chain of this engine", pairs[0].Key)
		}
	}
	var chain chainRecord
	begun, err := c.db.record(keyChain, &chain)
	if err != nil {
		return err
	}
	switch {
	case !begun:
		err = c.begin(file, digest)
	case chain.File == digest:
		c.genesis = chain.Genesis
		err = c.configure(chain.Config)
	default:
		err = c.reopen(file, digest, chain)
	}
	if err != nil {
		return err
	}
	if _, err := c.db.record(keyNodes, &c.nodes); err != nil {
		return err
	}
	heads, err := c.Heads()
	if err != nil {
		return err
	}
	head, err := c.Header(heads.Head)
	if err == nil && head == nil {
		err = fail(StoreCorrupt, "the head %s is missing in the store", heads.Head)
	}
	if err != nil {
		return err
	}
	// The state of the head is there, too: blocks and states are written together.
	_, err = c.State(head)
	return err
}

// reopen looks at a genesis file that is not, byte for byte, the one that the chain began with: written in another way, with
// forks that were scheduled since, or of another chain.
func (c *Chain) reopen(file []byte, digest common.Hash, chain chainRecord) error {
	genesis, config, err := parseGenesis(file)
	if err != nil {
		return err
	}
	if err := c.configure(config); err != nil {
		return err
	}
	genesis.Config = c.config
	block, err := hashGenesis(genesis)
	if err != nil {
		return err
	}
	if block.Hash() != chain.Genesis {
		return fail(StoreForeign, "the store holds the chain of genesis %s, the file is genesis %s", chain.Genesis, block.Hash())
	}
	c.genesis = chain.Genesis
	before := new(params.ChainConfig)
	if err := json.Unmarshal(chain.Config, before); err != nil {
		return c.db.failed(fail(StoreCorrupt, "the chain configuration in the store is damaged: %v", err))
	}
	head := c.CurrentHeader()
	if head == nil {
		return fail(StoreCorrupt, "the store has a chain and no head")
	}
	if err := before.CheckCompatible(c.config, head.Number.Uint64(), head.Time, &genesis.Timestamp); err != nil {
		return fail(StoreForeign, "the genesis file changes rules that the chain has already followed: %v", err)
	}
	if c.options.ReadOnly {
		return nil
	}
	c.db.putRecord(keyChain, chainRecord{Genesis: chain.Genesis, File: digest, Config: config})
	return c.db.flush(0)
}

// parseGenesis reads geth's genesis file. Geth's own reading panics on some nonsense.
func parseGenesis(file []byte) (genesis *core.Genesis, config json.RawMessage, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fail(GenesisInvalid, "the genesis file cannot be read: %v", fault)
		}
	}()
	genesis = new(core.Genesis)
	if err := json.Unmarshal(file, genesis); err != nil {
		return nil, nil, fail(GenesisInvalid, "the genesis file cannot be read: %v", err)
	}
	var raw struct {
		Config json.RawMessage `json:"config"`
	}
	if err := json.Unmarshal(file, &raw); err != nil || genesis.Config == nil {
		return nil, nil, fail(GenesisInvalid, `the genesis file has no "config"`)
	}
	switch {
	case genesis.Number != 0:
		return nil, nil, fail(GenesisInvalid, `"number" expected 0, got %d`, genesis.Number)
	case genesis.StateHash != nil:
		return nil, nil, fail(GenesisInvalid, `"stateHash" without its state: this engine begins with "alloc"`)
	}
	for address, account := range genesis.Alloc {
		if account.Balance != nil && (account.Balance.Sign() < 0 || account.Balance.BitLen() > 256) {
			return nil, nil, fail(GenesisInvalid, "the balance of %s is no number of 256 bits", address)
		}
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw.Config); err != nil {
		return nil, nil, fail(GenesisInvalid, "the genesis file cannot be read: %v", err)
	}
	return genesis, compact.Bytes(), nil
}

// begin writes the genesis. Its trie nodes may take many writes, which mean nothing until the last.
func (c *Chain) begin(file []byte, digest common.Hash) error {
	if c.options.ReadOnly {
		return fail(ReadOnly, "the store holds no chain yet, and a read-only engine begins none")
	}
	genesis, config, err := parseGenesis(file)
	if err != nil {
		return err
	}
	if err := c.configure(config); err != nil {
		return err
	}
	genesis.Config = c.config
	if _, err := genesisBlock(genesis, types.EmptyRootHash, common.Hash{}); err != nil {
		return err
	}
	c.db.putRecord(keyFormat, formatRecord{storeFormat})
	block, err := c.commitGenesis(genesis, func() error {
		c.nodes.Written += c.db.pendingNodes()
		return c.db.flush(0)
	})
	if err != nil {
		c.db.discard()
		return err
	}
	hash := block.Hash()
	rawdb.WriteBlock(c.db, block)
	rawdb.WriteReceipts(c.db, hash, 0, nil)
	rawdb.WriteCanonicalHash(c.db, hash, 0)
	c.db.putRecord(keyNodes, c.nodes)
	c.db.putRecord(keyKept, keptRecord{Live: c.nodes.Written, Written: c.nodes.Written})
	c.db.putRecord(keyHeads, Heads{Head: hash})
	c.db.putRecord(keyChain, chainRecord{Genesis: hash, File: digest, Config: config})
	c.genesis = hash
	return c.db.flush(0)
}

// accountsAtOnce bounds the memory that a genesis of many accounts takes.
var accountsAtOnce = 20_000

// commitGenesis commits the accounts of a genesis, some at a time, calling flush after each lot, and makes its block.
func (c *Chain) commitGenesis(genesis *core.Genesis, flush func() error) (block *types.Block, err error) {
	addresses := make([]common.Address, 0, len(genesis.Alloc))
	for address := range genesis.Alloc {
		addresses = append(addresses, address)
	}
	slices.SortFunc(addresses, func(a, b common.Address) int { return bytes.Compare(a[:], b[:]) })
	root, passer := types.EmptyRootHash, common.Hash{}
	for lot := range slices.Chunk(addresses, accountsAtOnce) {
		statedb, err := state.New(root, c.stateDatabase())
		if err != nil {
			return nil, c.broken(err)
		}
		for _, address := range lot {
			account := genesis.Alloc[address]
			if account.Balance != nil {
				statedb.AddBalance(address, uint256.MustFromBig(account.Balance), tracing.BalanceIncreaseGenesisBalance)
			}
			statedb.SetCode(address, account.Code, tracing.CodeChangeGenesis)
			statedb.SetNonce(address, account.Nonce, tracing.NonceChangeGenesis)
			for key, value := range account.Storage {
				statedb.SetState(address, key, value)
			}
		}
		if root, err = statedb.Commit(0, false, false); err != nil {
			return nil, c.broken(err)
		}
		if slices.Contains(lot, params.OptimismL2ToL1MessagePasser) {
			passer = statedb.GetStorageRoot(params.OptimismL2ToL1MessagePasser)
		}
		if root != types.EmptyRootHash {
			if err := c.stateDatabase().TrieDB().Commit(root, false); err != nil {
				return nil, c.broken(err)
			}
		}
		if err := flush(); err != nil {
			return nil, err
		}
	}
	return genesisBlock(genesis, root, passer)
}

// hashGenesis makes the block of a genesis and writes nothing.
func hashGenesis(genesis *core.Genesis) (*types.Block, error) {
	aside := &Chain{options: Options{CacheBytes: defaultCacheBytes}, db: newDatabase(NewMemory()), config: genesis.Config}
	aside.forgetStates()
	return aside.commitGenesis(genesis, func() error { return aside.db.flush(0) })
}

// genesisBlock has geth make the header and puts in the roots, which geth can only reckon by committing all accounts at once.
func genesisBlock(genesis *core.Genesis, root, passer common.Hash) (block *types.Block, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fail(GenesisInvalid, "no block can be made of the genesis: %v", fault)
		}
	}()
	empty := *genesis
	empty.Alloc = types.GenesisAlloc{}
	made := empty.ToBlock()
	header := made.Header()
	header.Root = root
	if genesis.Config.IsOptimismIsthmus(genesis.Timestamp) {
		header.WithdrawalsHash = &passer
	}
	// A header's later fields need the earlier ones: forks with gaps between them make one that cannot be read again.
	encoded, err := rlp.EncodeToBytes(header)
	if again := new(types.Header); err != nil || rlp.DecodeBytes(encoded, again) != nil || again.Hash() != header.Hash() {
		return nil, fail(GenesisInvalid, "the forks of the genesis leave gaps: its header cannot be read again")
	}
	return types.NewBlockWithHeader(header).WithBody(types.Body{Withdrawals: made.Withdrawals()}), nil
}
