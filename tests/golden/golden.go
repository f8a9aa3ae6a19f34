// Package golden compares what a test has produced with a file that is kept. With
// go test PACKAGE -update the file is written anew instead; look at the difference
// before you commit it.
package golden

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Compare fails the test if got is not the content of file, or writes it with -update.
func Compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update in its package writes it anew); got:\n%s", file, got)
	}
}
