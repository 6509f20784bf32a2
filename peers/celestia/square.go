package main

import (
	"bytes"
	"crypto/sha256"
	"math/rand"

	"github.com/celestiaorg/go-square/v4/inclusion"
	"github.com/celestiaorg/go-square/v4/share"
	"github.com/celestiaorg/nmt"
	"github.com/celestiaorg/nmt/namespace"
	"github.com/celestiaorg/rsmt2d"
	"github.com/cometbft/cometbft/crypto/merkle"
)

type squareResult struct {
	Kind     string       `json:"kind"`
	Width    int          `json:"width"`
	DataRoot []byte       `json:"dataRoot"`
	Blobs    []placedBlob `json:"blobs"`
}

type placedBlob struct {
	Namespace  []byte          `json:"namespace"`
	Commitment []byte          `json:"commitment"`
	At         int             `json:"at"`
	Shares     int             `json:"shares"`
	Proof      commitmentProof `json:"proof"`
}

// A commitment proof as celestia-node writes it in JSON. Source: celestia-node, blob/commitment_proof.go; celestia-core, types.RowProof.
type commitmentProof struct {
	SubtreeRoots      [][]byte     `json:"subtree_roots"`
	SubtreeRootProofs []*nmt.Proof `json:"subtree_root_proofs"`
	NamespaceID       []byte       `json:"namespace_id"`
	RowProof          rowProof     `json:"row_proof"`
	NamespaceVersion  uint8        `json:"namespace_version"`
}

type rowProof struct {
	RowRoots [][]byte      `json:"row_roots"`
	Proofs   []merkleProof `json:"proofs"`
	StartRow uint32        `json:"start_row"`
	EndRow   uint32        `json:"end_row"`
}

type merkleProof struct {
	Total    int64    `json:"total,string"`
	Index    int64    `json:"index,string"`
	LeafHash []byte   `json:"leaf_hash"`
	Aunts    [][]byte `json:"aunts"`
}

// squareCase lays blobs into a square by the rules of the protocol, extends it, and proves each blob as celestia-node does.
func squareCase(random *rand.Rand) squareResult {
	width := pick(random, 2, 4, 4, 8, 8, 16, 16, 32)
	var blobs []*share.Blob
	for count := 1 + random.Intn(12); count > 0; count-- {
		blobs = append(blobs, randomBlob(random, width*width))
	}
	share.SortBlobs(blobs)
	var shares []share.Share
	type place struct {
		blob *share.Blob
		at   int
		to   int
	}
	var places []place
	for _, blob := range blobs {
		own, err := blob.ToShares()
		check(err)
		at, err := inclusion.NextShareIndex(len(shares), len(own), subtreeRootThreshold)
		check(err)
		if at+len(own) > width*width {
			continue
		}
		// What lies before a blob belongs to the namespace of the one before; at the start it is reserved padding.
		if gap := at - len(shares); gap > 0 && len(places) == 0 {
			shares = append(shares, share.ReservedPaddingShares(gap)...)
		} else if gap > 0 {
			padding, err := share.NamespacePaddingShares(places[len(places)-1].blob.Namespace(), share.ShareVersionZero, gap)
			check(err)
			shares = append(shares, padding...)
		}
		places = append(places, place{blob, at, at + len(own)})
		shares = append(shares, own...)
	}
	shares = append(shares, share.TailPaddingShares(width*width-len(shares))...)

	extended, err := rsmt2d.ComputeExtendedDataSquare(share.ToBytes(shares), rsmt2d.NewLeoRSCodec(), func(_ rsmt2d.Axis, index uint) rsmt2d.Tree {
		return newTree(width, int(index))
	})
	check(err)
	rowRoots, err := extended.RowRoots()
	check(err)
	columnRoots, err := extended.ColRoots()
	check(err)
	roots := append(append([][]byte{}, rowRoots...), columnRoots...)
	dataRoot, rootProofs := merkle.ProofsFromByteSlices(roots)

	result := squareResult{Kind: "square", Width: width, DataRoot: dataRoot}
	for _, place := range places {
		commitment, err := inclusion.CreateCommitment(place.blob, merkle.HashFromByteSlices, subtreeRootThreshold)
		check(err)
		subtreeWidth, err := inclusion.SubTreeWidth(place.to-place.at, subtreeRootThreshold)
		check(err)
		proof := commitmentProof{
			NamespaceID:      place.blob.Namespace().ID(),
			NamespaceVersion: place.blob.Namespace().Version(),
		}
		first, last := place.at/width, (place.to-1)/width
		proof.RowProof.StartRow, proof.RowProof.EndRow = uint32(first), uint32(last)
		for row := first; row <= last; row++ {
			tree := newTree(width, row)
			for _, cell := range extended.Row(uint(row)) {
				check(tree.Push(cell))
			}
			start, end := max(place.at, row*width)-row*width, min(place.to, (row+1)*width)-row*width
			ranges, err := nmt.ToLeafRanges(start, end, subtreeWidth)
			check(err)
			for _, leaves := range ranges {
				root, err := tree.nmt.ComputeSubtreeRoot(leaves.Start, leaves.End)
				check(err)
				proof.SubtreeRoots = append(proof.SubtreeRoots, root)
			}
			ranged, err := tree.nmt.ProveRange(start, end)
			check(err)
			proof.SubtreeRootProofs = append(proof.SubtreeRootProofs, &ranged)
			proof.RowProof.RowRoots = append(proof.RowProof.RowRoots, rowRoots[row])
			proved := rootProofs[row]
			proof.RowProof.Proofs = append(proof.RowProof.Proofs, merkleProof{proved.Total, proved.Index, proved.LeafHash, proved.Aunts})
		}
		if !bytes.Equal(merkle.HashFromByteSlices(proof.SubtreeRoots), commitment) {
			panic("the subtree roots of a square make another commitment than the blob alone")
		}
		result.Blobs = append(result.Blobs, placedBlob{
			Namespace:  place.blob.Namespace().Bytes(),
			Commitment: commitment,
			At:         place.at,
			Shares:     place.to - place.at,
			Proof:      proof,
		})
	}
	return result
}

// A tree over a row or a column: shares of the original square under their own namespace, the others under that of parity.
// Source: celestia-app, pkg/wrapper.ErasuredNamespacedMerkleTree.
type erasuredTree struct {
	nmt   *nmt.NamespacedMerkleTree
	width int
	axis  int
	cell  int
}

func newTree(width, axis int) *erasuredTree {
	tree := nmt.New(sha256.New(), nmt.NamespaceIDSize(share.NamespaceSize), nmt.IgnoreMaxNamespace(true))
	return &erasuredTree{nmt: tree, width: width, axis: axis}
}

func (tree *erasuredTree) Push(data []byte) error {
	id := share.ParitySharesNamespace.Bytes()
	if tree.axis < tree.width && tree.cell < tree.width {
		id = data[:share.NamespaceSize]
	}
	tree.cell++
	return tree.nmt.Push(namespace.PrefixedData(append(append([]byte{}, id...), data...)))
}

func (tree *erasuredTree) Root() ([]byte, error) {
	return tree.nmt.Root()
}
