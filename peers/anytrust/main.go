// Command oracle makes AnyTrust committees, certificates and changed certificates, and says of each what Nitro would. Curve and hash are those that Nitro
// uses (go-ethereum's crypto/bls12381, which go-ethereum itself dropped after v1.13); the rules around them are written from Nitro's
// blsSignatures, daprovider/anytrust/util and daprovider/anytrust/tree.
//
//	oracle <seed> <certificates>   writes a JSON object a line
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/big"
	"math/rand"
	"os"
	"strconv"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/crypto/bls12381"
)

type certificateCase struct {
	Keyset      []byte `json:"keyset"`
	Certificate []byte `json:"certificate"`
	Data        []byte `json:"data"`
	// Whether Nitro takes it, the age left out.
	Valid bool   `json:"valid"`
	Did   string `json:"did"`
}

type member struct {
	secret *big.Int
	key    *bls12381.PointG2
}

func main() {
	if len(os.Args) != 3 {
		panic("usage: oracle <seed> <certificates>")
	}
	seed, err := strconv.ParseInt(os.Args[1], 10, 64)
	check(err)
	count, err := strconv.Atoi(os.Args[2])
	check(err)
	random := rand.New(rand.NewSource(seed))
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	for i := 0; i < count; i++ {
		check(encoder.Encode(makeCase(random)))
	}
}

func makeCase(random *rand.Rand) certificateCase {
	g1, g2 := bls12381.NewG1(), bls12381.NewG2()
	members := make([]member, 1+random.Intn(6))
	for i := range members {
		secret := new(big.Int).Rand(random, g2.Q())
		key := g2.MulScalar(g2.New(), g2.One(), secret)
		members[i] = member{secret, key}
	}
	assumedHonest := uint64(1 + random.Intn(len(members)))

	keyset := binary.BigEndian.AppendUint64(nil, assumedHonest)
	keyset = binary.BigEndian.AppendUint64(keyset, uint64(len(members)))
	for _, one := range members {
		entry := []byte{0}
		if random.Intn(3) > 0 {
			// The proof that it knows the secret: its own key, signed apart from messages.
			proof := g1.ToBytes(g1.MulScalar(g1.New(), hashToCurve(g2.ToBytes(one.key), 1), one.secret))
			entry = append([]byte{byte(len(proof))}, proof...)
		}
		entry = append(entry, g2.ToBytes(one.key)...)
		keyset = append(keyset, byte(len(entry)>>8), byte(len(entry)))
		keyset = append(keyset, entry...)
	}

	length := random.Intn(3000)
	if random.Intn(4) == 0 {
		// About the edges of the tree's leaves.
		length = 65_536*random.Intn(4) + random.Intn(3) - 1
	}
	data := make([]byte, max(length, 1))
	random.Read(data)

	hash := treeHash(data)
	fields := binary.BigEndian.AppendUint64(append([]byte{}, hash...), random.Uint64()>>1)
	fields = append(fields, 1)
	mask := uint64(0)
	signature := g1.Zero()
	for i, one := range members {
		if random.Intn(4) == 0 {
			continue
		}
		mask |= 1 << i
		g1.Add(signature, signature, g1.MulScalar(g1.New(), hashToCurve(fields, 0), one.secret))
	}

	did := "nothing"
	keysetHash := treeHash(keyset)
	switch random.Intn(10) {
	case 0:
		did = "mask"
		mask ^= 1 << random.Intn(len(members))
	case 1:
		did = "fields"
		fields[random.Intn(40)] ^= 1 << random.Intn(8)
	case 2:
		did = "signature"
		g1.Add(signature, signature, g1.One())
	case 3:
		did = "bits beyond the committee"
		mask |= 1 << (len(members) + random.Intn(20))
	}
	certificate := append([]byte{0x88}, keysetHash...)
	certificate = append(certificate, fields...)
	certificate = binary.BigEndian.AppendUint64(certificate, mask)
	certificate = append(certificate, g1.ToBytes(signature)...)
	valid := verify(members, assumedHonest, mask, fields, signature) && bytes.Equal(fields[:32], hash)
	return certificateCase{keyset, certificate, data, valid, did}
}

// verify follows DataAvailabilityKeyset.VerifySignature.
func verify(members []member, assumedHonest, mask uint64, fields []byte, signature *bls12381.PointG1) bool {
	g2 := bls12381.NewG2()
	sum := g2.Zero()
	missing := uint64(0)
	for i, one := range members {
		if mask&(1<<i) != 0 {
			g2.Add(sum, sum, one.key)
		} else {
			missing++
		}
	}
	if missing >= assumedHonest {
		return false
	}
	engine := bls12381.NewPairingEngine()
	left := engine.AddPair(hashToCurve(fields, 0), sum).Result()
	engine.Reset()
	right := engine.AddPair(signature, g2.One()).Result()
	return left.Equal(right)
}

// hashToCurve follows blsSignatures.hashToG1Curve; the first byte keeps proofs of keys apart from signatures.
func hashToCurve(message []byte, domain byte) *bls12381.PointG1 {
	padded := append(append([]byte{domain}, make([]byte, 15)...), crypto.Keccak256(message)...)
	point, err := bls12381.NewG1().MapToCurve(padded)
	check(err)
	return point
}

// treeHash follows tree.Hash.
func treeHash(data []byte) []byte {
	type node struct {
		hash []byte
		size uint32
	}
	var layer []node
	for at := 0; at < len(data); at += 65_536 {
		bin := data[at:min(at+65_536, len(data))]
		layer = append(layer, node{crypto.Keccak256([]byte{0xfe}, crypto.Keccak256(bin)), uint32(len(bin))})
	}
	if len(layer) == 0 {
		layer = []node{{crypto.Keccak256([]byte{0xfe}, crypto.Keccak256(nil)), 0}}
	}
	for len(layer) > 1 {
		var joined []node
		for i := 0; i+1 < len(layer); i += 2 {
			size := layer[i].size + layer[i+1].size
			hash := crypto.Keccak256([]byte{0xff}, layer[i].hash, layer[i+1].hash, binary.BigEndian.AppendUint32(nil, size))
			joined = append(joined, node{hash, size})
		}
		if len(layer)%2 == 1 {
			joined = append(joined, layer[len(layer)-1])
		}
		layer = joined
	}
	hash := append([]byte{}, layer[0].hash...)
	hash[0] ^= 0x80
	return hash
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
