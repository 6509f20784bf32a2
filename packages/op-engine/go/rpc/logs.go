// SPDX-License-Identifier: LGPL-3.0-or-later

package rpc

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
)

// Geth's bounds on a filter.
const (
	maxTopics       = 4 // of a log
	maxSubTopics    = 1000
	maxAlternatives = 1000 // addresses, or topics in a place
)

var (
	errTooManyTopics = errors.New("exceed max topics")
	errInvalidTopic  = invalidParams("invalid topic(s)")
)

// FilterCriteria says which logs are wanted: of one block or of a range, by address, by topics.
type FilterCriteria struct {
	BlockHash *common.Hash
	FromBlock *BlockNumber
	ToBlock   *BlockNumber
	Addresses []common.Address
	Topics    [][]common.Hash // by place; an empty place is any
}

// UnmarshalJSON takes one address or many, and for each place a topic, many, or null.
func (f *FilterCriteria) UnmarshalJSON(data []byte) error {
	type input struct {
		BlockHash *common.Hash `json:"blockHash"`
		FromBlock *BlockNumber `json:"fromBlock"`
		ToBlock   *BlockNumber `json:"toBlock"`
		Addresses any          `json:"address"`
		Topics    []any        `json:"topics"`
	}
	var raw input
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	if raw.BlockHash != nil && (raw.FromBlock != nil || raw.ToBlock != nil) {
		return errors.New("cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other")
	}
	f.BlockHash, f.FromBlock, f.ToBlock = raw.BlockHash, raw.FromBlock, raw.ToBlock
	switch addresses := raw.Addresses.(type) {
	case nil:
	case string:
		address, err := fixed(addresses, common.AddressLength, "address")
		if err != nil {
			return fmt.Errorf("invalid address: %v", err)
		}
		f.Addresses = []common.Address{common.BytesToAddress(address)}
	case []any:
		for i, text := range addresses {
			text, ok := text.(string)
			if !ok {
				return fmt.Errorf("non-string address at index %d", i)
			}
			address, err := fixed(text, common.AddressLength, "address")
			if err != nil {
				return fmt.Errorf("invalid address at index %d: %v", i, err)
			}
			f.Addresses = append(f.Addresses, common.BytesToAddress(address))
		}
	default:
		return errors.New("invalid addresses in query")
	}
	if len(raw.Topics) > maxTopics {
		return errTooManyTopics
	}
	for _, place := range raw.Topics {
		topics, err := parseTopics(place)
		if err != nil {
			return err
		}
		f.Topics = append(f.Topics, topics)
	}
	return nil
}

func parseTopics(place any) (topics []common.Hash, err error) {
	alternatives, ok := place.([]any)
	if !ok {
		if place == nil {
			return nil, nil
		}
		alternatives = []any{place}
	}
	if len(alternatives) > maxSubTopics {
		return nil, errTooManyTopics
	}
	for _, alternative := range alternatives {
		if alternative == nil { // a null among alternatives is any
			return nil, nil
		}
		text, ok := alternative.(string)
		if !ok {
			return nil, errInvalidTopic
		}
		topic, err := fixed(text, common.HashLength, "topic")
		if err != nil {
			return nil, err
		}
		topics = append(topics, common.BytesToHash(topic))
	}
	return topics, nil
}

func fixed(text string, length int, what string) ([]byte, error) {
	bytes, err := hexutil.Decode(text)
	if err == nil && len(bytes) != length {
		err = fmt.Errorf("hex has invalid length %d after decoding; expected %d for %s", len(bytes), length, what)
	}
	return bytes, err
}

// mayMatch tells by a block's bloom filter whether it is worth to read the logs.
func (f *FilterCriteria) mayMatch(bloom types.Bloom) bool {
	if len(f.Addresses) > 0 && !slices.ContainsFunc(f.Addresses, func(a common.Address) bool { return types.BloomLookup(bloom, a) }) {
		return false
	}
	for _, topics := range f.Topics {
		if len(topics) > 0 && !slices.ContainsFunc(topics, func(t common.Hash) bool { return types.BloomLookup(bloom, t) }) {
			return false
		}
	}
	return true
}

func (f *FilterCriteria) matches(log *types.Log) bool {
	if len(f.Addresses) > 0 && !slices.Contains(f.Addresses, log.Address) {
		return false
	}
	if len(f.Topics) > len(log.Topics) {
		return false
	}
	for i, topics := range f.Topics {
		if len(topics) > 0 && !slices.Contains(topics, log.Topics[i]) {
			return false
		}
	}
	return true
}

func logs(c *call, filter FilterCriteria) ([]*types.Log, error) {
	if len(filter.Addresses) > maxAlternatives {
		return nil, errors.New("exceed max addresses or topics per search position")
	}
	found := []*types.Log{}
	if filter.BlockHash != nil {
		header, err := c.chain.Header(*filter.BlockHash)
		if err != nil {
			return nil, err
		}
		if header == nil {
			return nil, errors.New("unknown block")
		}
		return c.logsOf(header, &filter, found)
	}
	first, last, err := c.logRange(&filter)
	if err != nil {
		return nil, err
	}
	for number := first; number <= last; number++ {
		c.did(1000)
		header, err := c.headerByNumber(BlockNumber(number))
		if err != nil {
			return nil, err
		}
		if header == nil {
			return nil, errors.New("header not found")
		}
		if found, err = c.logsOf(header, &filter, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// logRange resolves a range to numbers, and refuses one that is too wide.
func (c *call) logRange(filter *FilterCriteria) (first, last uint64, err error) {
	from, to := latest, latest
	if filter.FromBlock != nil {
		from = *filter.FromBlock
	}
	if filter.ToBlock != nil {
		to = *filter.ToBlock
	}
	if from > 0 && to > 0 && from > to {
		return 0, 0, invalidParams("invalid block range params")
	}
	_, bodies, err := c.chain.Kept()
	if err != nil {
		return 0, 0, err
	}
	if from >= 0 && uint64(from) < bodies {
		return 0, 0, errHistoryPruned
	}
	if from == pending || to == pending {
		return 0, 0, invalidParams("pending logs are not supported")
	}
	head, err := c.head()
	if err != nil {
		return 0, 0, err
	}
	resolve := func(number BlockNumber) (uint64, error) {
		if number >= 0 {
			return uint64(number), nil
		}
		header, err := c.headerByNumber(number)
		switch {
		case header != nil:
			return header.Number.Uint64(), nil
		case number == safe:
			return 0, errors.New("safe header not found")
		case number == finalized:
			return 0, errors.New("finalized header not found")
		}
		return 0, err
	}
	if first, err = resolve(from); err != nil {
		return 0, 0, err
	}
	if last, err = resolve(to); err != nil {
		return 0, 0, err
	}
	switch {
	case first > last:
		return 0, 0, invalidParams("invalid block range params")
	case last > head.Number.Uint64():
		return 0, 0, invalidParams("block range extends beyond current head block")
	case c.Limits.LogBlocks != 0 && last-first >= c.Limits.LogBlocks:
		return 0, 0, fmt.Errorf("exceed maximum block range: %d", c.Limits.LogBlocks)
	}
	return first, last, nil
}

// logsOf adds the logs of a block that are wanted.
func (c *call) logsOf(header *types.Header, filter *FilterCriteria, found []*types.Log) ([]*types.Log, error) {
	if !filter.mayMatch(header.Bloom) {
		return found, nil
	}
	receipts, err := c.chain.Receipts(header.Hash())
	if err != nil {
		return nil, err
	}
	for _, receipt := range receipts {
		c.did(5000)
		for _, log := range receipt.Logs {
			if !filter.matches(log) {
				continue
			}
			if c.Limits.Logs != 0 && len(found) >= c.Limits.Logs {
				return nil, fmt.Errorf("query returned more than %d results", c.Limits.Logs)
			}
			c.counted([]*types.Log{log})
			found = append(found, log)
		}
	}
	return found, nil
}
