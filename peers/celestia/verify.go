package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/celestiaorg/go-square/v4/inclusion"
	"github.com/celestiaorg/go-square/v4/share"
	"github.com/celestiaorg/nmt"
	"github.com/cometbft/cometbft/crypto/merkle"
)

type question struct {
	Proof      commitmentProof `json:"proof"`
	DataRoot   []byte          `json:"dataRoot"`
	Commitment []byte          `json:"commitment"`
}

// verify follows the rules of celestia-node's CommitmentProof: Validate, then Verify, with the commitment made from the subtree roots.
func verify(line []byte) (answer string) {
	// What makes the reference panic is refused by it, one way or the other.
	defer func() {
		if reason := recover(); reason != nil {
			answer = fmt.Sprintf("no panic: %v", reason)
		}
	}()
	var asked question
	if err := json.Unmarshal(line, &asked); err != nil {
		return "no " + err.Error()
	}
	proof, rows := asked.Proof, asked.Proof.RowProof
	if !bytes.Equal(merkle.HashFromByteSlices(proof.SubtreeRoots), asked.Commitment) {
		return "no: another commitment"
	}
	count := int(int64(rows.EndRow) - int64(rows.StartRow) + 1)
	switch {
	case len(proof.SubtreeRoots) < len(proof.SubtreeRootProofs):
		return "no: fewer subtree roots than proofs"
	case len(proof.SubtreeRootProofs) != len(rows.Proofs):
		return "no: numbers of proofs differ"
	case count != len(rows.RowRoots), len(rows.Proofs) != len(rows.RowRoots), count != len(proof.SubtreeRootProofs):
		return "no: numbers of rows differ"
	}
	shares := 0
	for _, ranged := range proof.SubtreeRootProofs {
		shares += ranged.End() - ranged.Start()
	}
	width, err := inclusion.SubTreeWidth(shares, subtreeRootThreshold)
	if err != nil {
		return "no: " + err.Error()
	}
	hasher := nmt.NewNmtHasher(sha256.New(), share.NamespaceSize, true)
	cursor := 0
	for i, ranged := range proof.SubtreeRootProofs {
		ranges, err := nmt.ToLeafRanges(ranged.Start(), ranged.End(), width)
		if err != nil {
			return "no: " + err.Error()
		}
		if cursor+len(ranges) > len(proof.SubtreeRoots) {
			return "no: subtree roots are missing"
		}
		valid, err := ranged.VerifySubtreeRootInclusion(hasher, proof.SubtreeRoots[cursor:cursor+len(ranges)], width, rows.RowRoots[i])
		if err != nil || !valid {
			return fmt.Sprintf("no: row %d: %v", i, err)
		}
		cursor += len(ranges)
	}
	for i, one := range rows.Proofs {
		reference := merkle.Proof{Total: one.Total, Index: one.Index, LeafHash: one.LeafHash, Aunts: one.Aunts}
		if err := reference.Verify(asked.DataRoot, rows.RowRoots[i]); err != nil {
			return "no: " + err.Error()
		}
	}
	return "yes"
}
