module cunzheng.test/conformance/sumdb

go 1.25.0

// The first whose TileHashReader proves every tile that it reads.
require golang.org/x/mod v0.40.0
