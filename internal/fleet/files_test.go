package fleet

import (
	"bytes"
	"crypto/rand"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"
)

// TestFilesReachAgents: every agent has the coordinator's files, whole, before it looks and when it
// starts, be they larger than a message or empty.
func TestFilesReachAgents(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	agents := []*running{r.agent("a", &simulated{}), r.agent("b", &simulated{})}
	large := make([]byte, 2*partSize+partSize/2)
	_, _ = rand.Read(large)
	files := Files{"key": "a secret", "lines": string(large), "first": ""}
	ctx := within(t)
	if err := r.lead.Gather(ctx, 2, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := r.lead.Send(ctx, files); err != nil {
		t.Fatal(err)
	}
	if _, err := r.lead.Look(ctx, argsFor(2)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.lead.through(ctx, argsFor(2), nil); err != nil {
		t.Fatal(err)
	}
	for i, a := range agents {
		a.work.mu.Lock()
		if !maps.Equal(a.work.looked, files) || !maps.Equal(a.work.started, files) {
			t.Errorf("agent %d has looked with %d files and started with %d, or their contents differ", i,
				len(a.work.looked), len(a.work.started))
		}
		a.work.mu.Unlock()
		a.mu.Lock()
		if said := strings.Join(a.said, "\n"); strings.Contains(said, "secret") {
			t.Errorf("agent %d says %q", i, said)
		}
		a.mu.Unlock()
	}
	r.lead.Close()
}

// A part that comes again changes nothing, one that cannot be is refused, and what came
// otherwise than it was sent is not used.
func TestPartsOfFiles(t *testing.T) {
	j := &stint{files: map[string][]byte{}, done: make(chan struct{})}
	part := func(name string, from, size int64, b string) (int64, error) {
		return j.take(order{File: name, From: from, Size: size, Part: []byte(b)})
	}
	for _, tt := range []struct {
		from  int64
		b     string
		there int64
	}{{0, "abc", 3}, {0, "abc", 3}, {3, "def", 6}, {0, "abc", 6}, {2, "cdefg", 7}, {7, "", 7}} {
		if there, err := part("lines", tt.from, 7, tt.b); err != nil || there != tt.there {
			t.Errorf("%q from %d: %d, %v; want %d", tt.b, tt.from, there, err, tt.there)
		}
	}
	for _, tt := range []struct {
		name       string
		from, size int64
		b          string
	}{{"", 0, 1, "a"}, {"ca", 1, 2, "b"}, {"ca", 0, 1, "ab"}, {"lines", 7, 7, "h"}, {"ca", 0, MaxFiles - 6, "a"}} {
		if there, err := part(tt.name, tt.from, tt.size, tt.b); err == nil {
			t.Errorf("%+v is taken: %d", tt, there)
		}
	}
	if files, err := j.given(map[string]string{"lines": sumOf([]byte("abcdefg"))}); err != nil ||
		files["lines"] != "abcdefg" {
		t.Errorf("%v, %v", files, err)
	}
	for name, contents := range map[string]string{"lines": "abcdefh", "ca": "abc"} {
		if _, err := j.given(map[string]string{name: sumOf([]byte(contents))}); !errors.Is(err, errForm) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range mostFiles {
		_, err := part("f"+string(bytes.Repeat([]byte{'x'}, i)), 0, 1, "a")
		if full := i >= mostFiles-1; full != (err != nil) {
			t.Errorf("file %d of %d: %v", i+2, mostFiles, err)
		}
	}
	j.started = true
	if _, err := part("lines", 7, 7, ""); err == nil {
		t.Error("a part is taken after the start")
	}
	if j.quit(); len(j.files) > 0 {
		t.Error("files are kept after the run")
	}
}
