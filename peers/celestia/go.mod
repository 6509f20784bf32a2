module l2/peers/celestia

go 1.25

require (
	github.com/celestiaorg/go-square/v4 v4.0.0-rc4
	github.com/celestiaorg/nmt v0.24.3
	github.com/celestiaorg/rsmt2d v0.15.2
	github.com/cometbft/cometbft v0.38.19
)

require (
	github.com/celestiaorg/merkletree v0.0.0-20210714075610-a84dc3ddbbe4 // indirect
	github.com/cosmos/gogoproto v1.7.0 // indirect
	github.com/gogo/protobuf v1.3.2 // indirect
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/klauspost/cpuid/v2 v2.3.0 // indirect
	github.com/klauspost/reedsolomon v1.13.3 // indirect
	golang.org/x/exp v0.0.0-20250911091902-df9299821621 // indirect
	golang.org/x/sync v0.19.0 // indirect
	golang.org/x/sys v0.30.0 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
)
