package main

import (
	"crypto/sha256"
	"math/rand"

	"github.com/celestiaorg/go-square/v4/inclusion"
	"github.com/celestiaorg/go-square/v4/share"
	"github.com/cometbft/cometbft/crypto/merkle"
)

type namespaceResult struct {
	Kind  string `json:"kind"`
	Bytes []byte `json:"bytes"`
	// Whether the bytes are a namespace, and whether blobs may go into it.
	Valid bool `json:"valid"`
	Blob  bool `json:"blob"`
}

// namespaceCase makes bytes near every edge: versions, leading zeros, reserved ranges, lengths.
func namespaceCase(random *rand.Rand) namespaceResult {
	length := share.NamespaceSize
	if random.Intn(20) == 0 {
		length = random.Intn(40)
	}
	bytes := make([]byte, length)
	switch random.Intn(6) {
	case 0:
		random.Read(bytes)
	case 1:
		fill(bytes, 0xff)
	default:
	}
	if length > 0 {
		bytes[0] = pick[byte](random, 0, 0, 0, 0, 255, 255, 1, 254)
		for changes := random.Intn(12); changes > 0; changes-- {
			// The last bytes are those that count in version 0.
			at := length - 1 - random.Intn(min(length, pick(random, 1, 2, 10, 11, 29)))
			bytes[at] = byte(random.Intn(256))
		}
	}
	result := namespaceResult{Kind: "namespace", Bytes: bytes}
	namespace, err := share.NewNamespaceFromBytes(bytes)
	result.Valid = err == nil
	result.Blob = err == nil && namespace.ValidateForBlob() == nil
	return result
}

type blobResult struct {
	Kind       string `json:"kind"`
	Namespace  []byte `json:"namespace"`
	Version    uint8  `json:"version"`
	Signer     []byte `json:"signer"`
	Data       []byte `json:"data"`
	Shares     int    `json:"shares"`
	SharesHash []byte `json:"sharesHash"`
	Commitment []byte `json:"commitment"`
	Width      int    `json:"width"`
	Cursor     int    `json:"cursor"`
	Next       int    `json:"next"`
}

func blobCase(random *rand.Rand) blobResult {
	blob := randomBlob(random, 0)
	shares, err := blob.ToShares()
	check(err)
	hash := sha256.New()
	for _, one := range share.ToBytes(shares) {
		hash.Write(one)
	}
	commitment, err := inclusion.CreateCommitment(blob, merkle.HashFromByteSlices, subtreeRootThreshold)
	check(err)
	width, err := inclusion.SubTreeWidth(len(shares), subtreeRootThreshold)
	check(err)
	cursor := random.Intn(5000)
	next, err := inclusion.NextShareIndex(cursor, len(shares), subtreeRootThreshold)
	check(err)
	return blobResult{
		Kind:       "blob",
		Namespace:  blob.Namespace().Bytes(),
		Version:    blob.ShareVersion(),
		Signer:     blob.Signer(),
		Data:       blob.Data(),
		Shares:     len(shares),
		SharesHash: hash.Sum(nil),
		Commitment: commitment,
		Width:      width,
		Cursor:     cursor,
		Next:       next,
	}
}

// randomBlob makes a blob of a share version and a size near the edges of shares and of subtree widths; `most` bounds its shares, 0 does not.
func randomBlob(random *rand.Rand, most int) *share.Blob {
	id := make([]byte, 10)
	random.Read(id)
	id[0] |= 1
	namespace := share.MustNewV0Namespace(id)
	version := pick(random, uint8(0), 0, 1)
	signer := make([]byte, 20)
	random.Read(signer)
	if most == 0 && random.Intn(20) == 0 {
		commitment := make([]byte, 32)
		random.Read(commitment)
		blob, err := share.NewV2Blob(namespace, random.Uint32(), commitment, signer)
		check(err)
		return blob
	}
	if version == 0 {
		signer = nil
	}
	var length int
	switch random.Intn(8) {
	case 0:
		length = 1 + random.Intn(3)
	case 1, 2:
		// The edge of the first share.
		length = pick(random, 478, 458) + random.Intn(5) - 2
	case 3, 4:
		// Some shares, and a byte more or less.
		count := pick(random, 1, 2, 3, 8, 16, 63, 64, 65, 127, 128, 129, 255, 256, 257)
		length = pick(random, 478, 458) + 482*count + random.Intn(3) - 1
	case 5:
		length = 1 + random.Intn(300_000)
	default:
		length = 1 + random.Intn(20_000)
	}
	if most > 0 {
		length = 1 + length%(482*most-30)
	} else if random.Intn(400) == 0 {
		length = 1_000_000 + random.Intn(7_000_000)
	}
	data := make([]byte, length)
	random.Read(data)
	if random.Intn(3) == 0 {
		fill(data[length/2:], 0)
	}
	blob, err := share.NewBlob(namespace, data, version, signer)
	check(err)
	return blob
}

func fill(bytes []byte, value byte) {
	for i := range bytes {
		bytes[i] = value
	}
}

func pick[T any](random *rand.Rand, values ...T) T {
	return values[random.Intn(len(values))]
}
