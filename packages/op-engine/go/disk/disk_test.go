// SPDX-License-Identifier: LGPL-3.0-or-later

//go:build !js

package disk

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"opengine/engine"
)

// The store of a disk is the store of memory, through random writes, scans and openings.
func TestDiskIsAStore(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "store")
	random := rand.New(rand.NewPCG(3, 4))
	disk, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { disk.Close() }()
	memory := engine.NewMemory()
	key := func() []byte {
		return bytes.Repeat([]byte{byte(random.IntN(3)), byte(random.IntN(256)), 0xff}, 1+random.IntN(2))
	}
	for round := range 60 {
		batch := &engine.Batch{}
		for range random.IntN(40) {
			if k := key(); random.IntN(4) == 0 {
				batch.Delete(k)
			} else {
				batch.Put(k, bytes.Repeat([]byte{byte(round)}, random.IntN(300)))
			}
		}
		for _, store := range []engine.Store{disk, memory} {
			if err := store.Write(batch); err != nil {
				t.Fatal(err)
			}
		}
		if round%20 == 10 {
			if err := disk.Close(); err != nil {
				t.Fatal(err)
			}
			if disk, err = Open(folder); err != nil {
				t.Fatal(err)
			}
		}
		for range 10 {
			k := key()
			mine, err := disk.Get(k)
			if err != nil {
				t.Fatal(err)
			}
			theirs, _ := memory.Get(k)
			if !bytes.Equal(mine, theirs) || (mine == nil) != (theirs == nil) {
				t.Fatalf("%x: %x on disk, %x in memory", k, mine, theirs)
			}
			prefix, most := k[:random.IntN(2)], 1+random.IntN(2000)
			a, err := disk.Scan(prefix, k, most)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := memory.Scan(prefix, k, most)
			if fmt.Sprint(a) != fmt.Sprint(b) {
				t.Fatalf("a scan of %x from %x: %v on disk, %v in memory", prefix, k, a, b)
			}
		}
	}
}

func code(t *testing.T, err error) engine.Code {
	t.Helper()
	var fault *engine.Error
	if !errors.As(err, &fault) {
		t.Fatalf("an error without a code: %v", err)
	}
	return fault.Code
}

func TestDiskThatIsHeldOrClosedOrDamaged(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "store")
	first, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(folder); code(t, err) != engine.StoreFailed {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Get([]byte{1}); code(t, err) != engine.StoreFailed {
		t.Fatal(err)
	}
	manifests, err := filepath.Glob(filepath.Join(folder, "MANIFEST-*"))
	if err != nil || len(manifests) == 0 {
		t.Fatal(manifests, err)
	}
	for _, manifest := range manifests {
		if err := os.WriteFile(manifest, bytes.Repeat([]byte("nonsense"), 100), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err = Open(folder)
	if got := code(t, err); got != engine.StoreCorrupt && got != engine.StoreFailed {
		t.Fatal(err)
	}
}

// A process that is killed while it writes: everything that was acknowledged is there, and each write whole or not at all.
func TestDiskSurvivesKill(t *testing.T) {
	if folder := os.Getenv("DISK_TEST_WRITES"); folder != "" {
		writeForEver(folder)
	}
	folder := filepath.Join(t.TempDir(), "store")
	random := rand.New(rand.NewPCG(5, 6))
	acknowledged := uint64(0)
	for range 6 {
		writer := exec.Command(os.Args[0], "-test.run=^TestDiskSurvivesKill$")
		writer.Env = append(os.Environ(), "DISK_TEST_WRITES="+folder)
		out, err := writer.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := writer.Start(); err != nil {
			t.Fatal(err)
		}
		left := 5 + random.IntN(60)
		for lines := bufio.NewScanner(out); left > 0 && lines.Scan(); left-- {
			if _, err := fmt.Sscan(lines.Text(), &acknowledged); err != nil {
				t.Fatal(lines.Text())
			}
		}
		writer.Process.Kill()
		writer.Wait()
		store, err := Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		var found [3]uint64
		for i := range found {
			value, err := store.Get([]byte{byte(i)})
			if err != nil || len(value) < 8 {
				t.Fatalf("%x %v", value, err)
			}
			found[i] = binary.BigEndian.Uint64(value)
		}
		if found[0] < acknowledged || found[0] != found[1] || found[1] != found[2] {
			t.Fatalf("write %d was acknowledged, the store has %v", acknowledged, found)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if acknowledged == 0 {
		t.Fatal("nothing was written")
	}
}

// writeForEver counts in three values at once and says so after each write, until it is killed.
func writeForEver(folder string) {
	store, err := Open(folder)
	if err != nil {
		panic(err)
	}
	count := uint64(0)
	if value, _ := store.Get([]byte{0}); value != nil {
		count = binary.BigEndian.Uint64(value)
	}
	for {
		count++
		batch := &engine.Batch{}
		for i := range 3 {
			batch.Put([]byte{byte(i)}, binary.BigEndian.AppendUint64(nil, count), make([]byte, 5000))
		}
		if err := store.Write(batch); err != nil {
			panic(err)
		}
		fmt.Println(count)
	}
}
