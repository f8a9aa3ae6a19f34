package fleet

import (
	"flag"
	"os"
	"testing"
)

// TestMain: these tests wait, and compute next to nothing: more of them than there
// are processors can do so at a time.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "24"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
