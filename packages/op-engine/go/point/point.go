// SPDX-License-Identifier: LGPL-3.0-or-later

// Package point checks KZG proofs at a point, as the precompile 0x0a of EIP-4844 does.
//
// Op-geth does it with a library for all of EIP-4844, which prepares 8192 points of the trusted setup before the first proof: 13
// seconds in WebAssembly for a transaction of 50,000 gas. A proof at a point needs one of them.
package point

import (
	"encoding/hex"
	"errors"
	"math/big"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

// tauG2 is the second point of G2 of Ethereum's KZG ceremony: the generator, times the secret.
const tauG2 = "b5bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2"

var errProof = errors.New("can't verify opening proof")

// Verify says whether the polynomial of a commitment has the claimed value at a point. Points of G1 are compressed, scalars are
// big-endian and below the order of the group.
func Verify(commitment [48]byte, at, claim [32]byte, proof [48]byte) error {
	var z, y fr.Element
	if err := y.SetBytesCanonical(claim[:]); err != nil {
		return err
	}
	if err := z.SetBytesCanonical(at[:]); err != nil {
		return err
	}
	var c, pi bls.G1Affine
	if _, err := c.SetBytes(commitment[:]); err != nil {
		return err
	}
	if _, err := pi.SetBytes(proof[:]); err != nil {
		return err
	}
	// e(C − [y]G1 + [z]π, G2) = e(π, [τ]G2)
	var left, term bls.G1Jac
	left.FromAffine(&c)
	_, _, g1, g2 := bls.Generators()
	var scalar big.Int
	term.FromAffine(&g1)
	term.ScalarMultiplication(&term, y.BigInt(&scalar))
	left.SubAssign(&term)
	term.FromAffine(&pi)
	term.ScalarMultiplication(&term, z.BigInt(&scalar))
	left.AddAssign(&term)
	var leftAffine, minusPi bls.G1Affine
	leftAffine.FromJacobian(&left)
	minusPi.Neg(&pi)
	tau, err := secret()
	if err != nil {
		return err
	}
	equal, err := bls.PairingCheck([]bls.G1Affine{leftAffine, minusPi}, []bls.G2Affine{g2, tau})
	if err != nil {
		return err
	}
	if !equal {
		return errProof
	}
	return nil
}

func secret() (tau bls.G2Affine, err error) {
	bytes, err := hex.DecodeString(tauG2)
	if err == nil {
		_, err = tau.SetBytes(bytes)
	}
	return tau, err
}
