// SPDX-License-Identifier: LGPL-3.0-or-later

//go:build !js

package point

import (
	"math/rand/v2"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto/kzg4844"
)

// Op-geth's library is the judge, on proofs that are right, wrong, and no proofs at all.
func TestVerifyAgreesWithOpGeth(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	scalar := func() (s [32]byte) {
		for i := 1; i < 32; i++ {
			s[i] = byte(random.Uint32())
		}
		return s
	}
	accepted, refused := 0, 0
	check := func(c kzg4844.Commitment, z kzg4844.Point, y kzg4844.Claim, p kzg4844.Proof) {
		t.Helper()
		want, have := kzg4844.VerifyProof(c, z, y, p), Verify(c, z, y, p)
		if (want == nil) != (have == nil) {
			t.Fatalf("op-geth says %v, we say %v: %x %x %x %x", want, have, c, z, y, p)
		}
		if have == nil {
			accepted++
		} else {
			refused++
		}
	}
	infinity := kzg4844.Commitment{0xc0}
	for range 6 {
		blob := new(kzg4844.Blob)
		for i := 0; i < len(blob); i += 32 * (1 + random.IntN(600)) {
			s := scalar()
			copy(blob[i:], s[:])
		}
		c, err := kzg4844.BlobToCommitment(blob)
		if err != nil {
			t.Fatal(err)
		}
		z := kzg4844.Point(scalar())
		p, y, err := kzg4844.ComputeProof(blob, z)
		if err != nil {
			t.Fatal(err)
		}
		check(c, z, y, p)
		for range 12 {
			c, z, y, p := c, z, y, p
			part := [][]byte{c[:], z[:], y[:], p[:]}[random.IntN(4)]
			part[random.IntN(len(part))] ^= 1 << random.IntN(8)
			check(c, z, y, p)
		}
		check(c, kzg4844.Point(scalar()), y, p)
		check(c, z, kzg4844.Claim(scalar()), p)
		check(infinity, z, y, p)
		check(c, z, y, kzg4844.Proof(infinity))
	}
	check(infinity, kzg4844.Point{}, kzg4844.Claim{}, kzg4844.Proof(infinity)) // the zero polynomial
	check(infinity, kzg4844.Point(scalar()), kzg4844.Claim{}, kzg4844.Proof(infinity))
	check(kzg4844.Commitment{}, kzg4844.Point{}, kzg4844.Claim{}, kzg4844.Proof{})
	check(kzg4844.Commitment{0xc0, 1}, kzg4844.Point{}, kzg4844.Claim{}, kzg4844.Proof(infinity))
	check(kzg4844.Commitment{0xe0}, kzg4844.Point{}, kzg4844.Claim{}, kzg4844.Proof(infinity))
	order := common.FromHex("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001")
	check(infinity, kzg4844.Point(order), kzg4844.Claim{}, kzg4844.Proof(infinity))
	check(infinity, kzg4844.Point{}, kzg4844.Claim(order), kzg4844.Proof(infinity))
	// On the curve and outside the group: a point of small order.
	var outside kzg4844.Commitment
	copy(outside[:], common.FromHex("8123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"))
	for i := range 64 {
		outside[47] = byte(i)
		check(outside, kzg4844.Point{}, kzg4844.Claim{}, kzg4844.Proof(infinity))
	}
	if accepted < 8 || refused < 100 {
		t.Fatalf("%d accepted, %d refused", accepted, refused)
	}
}
