// Command oracle says what Celestia's own libraries make of namespaces, blobs and commitment proofs: go-square, nmt, rsmt2d, and CometBFT's Merkle trees.
//
//	oracle cases <seed> <namespaces> <blobs> <squares>   writes cases, a JSON object a line
//	oracle verify                                        reads proofs, a JSON object a line, and answers "yes", or "no" and why
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"strconv"
)

// Roots that a share commitment has at most. Source: celestia-app, appconsts.SubtreeRootThreshold.
const subtreeRootThreshold = 64

func main() {
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	defer out.Flush()
	switch {
	case len(os.Args) == 6 && os.Args[1] == "cases":
		counts := make([]int, 4)
		for i := range counts {
			n, err := strconv.Atoi(os.Args[2+i])
			check(err)
			counts[i] = n
		}
		random := rand.New(rand.NewSource(int64(counts[0])))
		encoder := json.NewEncoder(out)
		for i := 0; i < counts[1]; i++ {
			check(encoder.Encode(namespaceCase(random)))
		}
		for i := 0; i < counts[2]; i++ {
			check(encoder.Encode(blobCase(random)))
		}
		for i := 0; i < counts[3]; i++ {
			check(encoder.Encode(squareCase(random)))
		}
	case len(os.Args) == 2 && os.Args[1] == "verify":
		lines := bufio.NewScanner(os.Stdin)
		lines.Buffer(make([]byte, 1<<20), 1<<26)
		for lines.Scan() {
			fmt.Fprintln(out, verify(lines.Bytes()))
		}
		check(lines.Err())
	default:
		fmt.Fprintln(os.Stderr, "usage: oracle cases <seed> <namespaces> <blobs> <squares> | oracle verify")
		os.Exit(2)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
