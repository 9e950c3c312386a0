// Sumdb reads a published log with the code that checks Go's checksum database.
//
//	sumdb LOG VKEY record INDEX ENTRY [PROOF]
//	sumdb LOG VKEY tree OLD-CHECKPOINT [PROOF]
//
// LOG is a directory with the files `checkpoint` and `tile/...` (c2sp.org/tlog-tiles). It says
// whether the entry is record INDEX, or whether the old checkpoint is of the same log: each
// checkpoint must be signed by the key. The proof is read from the file PROOF, one hash in base64
// a line, or else made from the tiles; it is checked and printed. Whatever does not hold ends
// with status 1 and the reason.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	proof, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, hash := range proof {
		fmt.Println(hash)
	}
}

func run(args []string) ([]tlog.Hash, error) {
	if len(args) < 4 {
		return nil, fmt.Errorf("too few arguments")
	}
	log, vkey, command, args := args[0], args[1], args[2], args[3:]
	key, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	tree, err := open(filepath.Join(log, "checkpoint"), key)
	if err != nil {
		return nil, err
	}
	hashes := tlog.TileHashReader(tree, directory(log))
	switch {
	case command == "record" && (len(args) == 2 || len(args) == 3):
		return record(tree, hashes, args[0], args[1], args[2:])
	case command == "tree" && len(args) <= 2:
		old, err := open(args[0], key)
		if err != nil {
			return nil, err
		}
		return consistency(tree, hashes, old, args[1:])
	}
	return nil, fmt.Errorf("not a command: %s %q", command, args)
}

// open returns what a checkpoint says, if the key signed it.
func open(path string, key note.Verifier) (tlog.Tree, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	signed, err := note.Open(data, note.VerifierList(key))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 4 || lines[0] != key.Name() {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of %s", key.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

func record(
	tree tlog.Tree, hashes tlog.HashReader, number, entry string, given []string,
) ([]tlog.Hash, error) {
	index, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(entry)
	if err != nil {
		return nil, err
	}
	var proof []tlog.Hash
	if len(given) > 0 {
		proof, err = read(given[0])
	} else {
		proof, err = tlog.ProveRecord(tree.N, index, hashes)
	}
	if err != nil {
		return nil, err
	}
	return proof, tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(data))
}

func consistency(
	tree tlog.Tree, hashes tlog.HashReader, old tlog.Tree, given []string,
) ([]tlog.Hash, error) {
	var proof []tlog.Hash
	var err error
	if len(given) > 0 {
		proof, err = read(given[0])
	} else {
		proof, err = tlog.ProveTree(tree.N, old.N, hashes)
	}
	if err != nil {
		return nil, err
	}
	return proof, tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
}

// read returns the hashes of a file.
func read(path string) ([]tlog.Hash, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var proof []tlog.Hash
	for _, line := range strings.Fields(string(data)) {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, err
		}
		proof = append(proof, hash)
	}
	return proof, nil
}

// directory is a tlog.TileReader of the files under it. The checksum database has the height of a
// tile in its path, tile/8/0/000; c2sp.org/tlog-tiles knows one height and leaves it out.
type directory string

func (directory) Height() int { return 8 }

func (d directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		path := "tile/" + strings.TrimPrefix(tile.Path(), "tile/8/")
		data, err := os.ReadFile(filepath.Join(string(d), filepath.FromSlash(path)))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func (directory) SaveTiles([]tlog.Tile, [][]byte) {}
