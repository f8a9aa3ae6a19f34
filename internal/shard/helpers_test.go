package shard

import (
	"fmt"
	"os"
	"sync"
	"testing"
)

// newPage is NewPage, whose failure ends the test.
func newPage(t *testing.T, workers int) *Page {
	t.Helper()
	page, err := NewPage(workers)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// pipe is a pipe of which both ends are closed after the test.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r, w
}

// journal keeps what a supervisor logs, a line each.
type journal struct {
	mu   sync.Mutex
	said string
}

func (j *journal) logf(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.said += fmt.Sprintf(format, args...) + "\n"
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.said
}
