// Checks a log of ours with what others wrote: the libraries of Go's checksum database, which knows these formats from before we did.
//
//	check DIRECTORY [EARLIER-CHECKPOINT | PROOF …]
//
// Prints the number of records; fails at the first thing that a stranger would not accept.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must(err error, what ...interface{}) {
	if err != nil {
		fmt.Println(append([]interface{}{"FAILED:", err}, what...)...)
		os.Exit(1)
	}
}

func that(holds bool, what ...interface{}) {
	if !holds {
		must(fmt.Errorf("not so"), what...)
	}
}

func read(path ...string) []byte {
	bytes, err := os.ReadFile(filepath.Join(path...))
	must(err)
	return bytes
}

// c2sp.org/tlog-tiles leaves out the height, which the checksum database has in its paths.
func pathOf(tile tlog.Tile) string {
	return strings.Replace(strings.Replace(tile.Path(), "tile/8/", "tile/", 1), "tile/data/", "tile/entries/", 1)
}

type log string

func (directory log) Height() int { return 8 }
func (directory log) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range tiles {
		bytes, err := os.ReadFile(filepath.Join(string(directory), pathOf(tile)))
		if err != nil {
			return nil, err
		}
		out = append(out, bytes)
	}
	return out, nil
}
func (directory log) SaveTiles([]tlog.Tile, [][]byte) {}

func openCheckpoint(text []byte, by note.Verifier) tlog.Tree {
	opened, err := note.Open(text, note.VerifierList(by))
	must(err)
	lines := strings.SplitN(opened.Text, "\n", 4)
	that(len(lines) == 4 && lines[3] == "" && lines[0] == by.Name(), "three lines, the first one the key's name:", opened.Text)
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	must(err)
	that(len(root) == tlog.HashSize, "a root is a SHA-256 hash")
	var hash tlog.Hash
	copy(hash[:], root)
	return tlog.Tree{N: size, Hash: hash}
}

func entriesOf(directory string, tree tlog.Tree) (entries [][]byte) {
	for at := int64(0); at < tree.N; at += 256 {
		width := 256
		if tree.N-at < 256 {
			width = int(tree.N - at)
		}
		bundle := read(directory, pathOf(tlog.Tile{H: 8, L: -1, N: at / 256, W: width}))
		for i := 0; i < width; i++ {
			size := int(binary.BigEndian.Uint16(bundle))
			entries = append(entries, bundle[2:2+size])
			bundle = bundle[2+size:]
		}
		that(len(bundle) == 0, "a bundle holds its entries and nothing else")
	}
	return entries
}

func checkProof(path string, by note.Verifier, tree tlog.Tree, entries [][]byte) {
	parts := strings.SplitN(string(read(path)), "\n\n", 2)
	lines := strings.Split(parts[0], "\n")
	that(lines[0] == "c2sp.org/tlog-proof@v1" && strings.HasPrefix(lines[1], "extra "), path)
	record, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(lines[1], "extra "))
	must(err)
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	must(err)
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		bytes, err := base64.StdEncoding.Strict().DecodeString(line)
		must(err)
		var hash tlog.Hash
		copy(hash[:], bytes)
		proof = append(proof, hash)
	}
	at := openCheckpoint([]byte(parts[1]), by)
	must(tlog.CheckRecord(proof, at.N, at.Hash, index, tlog.RecordHash(record)), path)
	that(string(record) == string(entries[index]), path, "holds another record than the log")
}

func main() {
	directory := os.Args[1]
	by, err := note.NewVerifier(strings.TrimSuffix(string(read(directory, "vkey")), "\n"))
	must(err)
	tree := openCheckpoint(read(directory, "checkpoint"), by)
	entries := entriesOf(directory, tree)
	hashes := tlog.TileHashReader(tree, log(directory))
	var indexes []int64
	for i := range entries {
		indexes = append(indexes, tlog.StoredHashIndex(0, int64(i)))
	}
	stored, err := hashes.ReadHashes(indexes)
	must(err)
	for i, entry := range entries {
		that(stored[i] == tlog.RecordHash(entry), "record", i)
	}
	for _, path := range os.Args[2:] {
		if text := read(path); !strings.HasPrefix(string(text), "c2sp.org/") {
			earlier := openCheckpoint(text, by)
			proof, err := tlog.ProveTree(tree.N, earlier.N, hashes)
			must(err)
			must(tlog.CheckTree(proof, tree.N, tree.Hash, earlier.N, earlier.Hash), "since", path)
			continue
		}
		checkProof(path, by, tree, entries)
	}
	fmt.Println(tree.N)
}
