package tune

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/sys"
)

func TestLock(t *testing.T) {
	root := etc(t)
	writeFiles(t, root, map[string]string{"proc/sys/fs/nr_open": "1\n", "etc/sysctl.d/.99-c10m.conf.c10m-new": "half"})
	s := &Store{Path: filepath.Join(root, DefaultStateFile)}
	for _, second := range []*Store{s, {}, {Path: filepath.Join(root, "other/state")}} {
		unlock, err := Lock(t.Context(), root, s)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, err := Lock(ctx, root, second); !errors.Is(err, context.DeadlineExceeded) && err == nil {
			t.Errorf("two at once, with state files %s and %q", s.Path, second.Path)
		}
		cancel()
		got := make(chan error)
		go func() {
			unlock, err := Lock(t.Context(), root, second)
			if err == nil {
				unlock()
			}
			got <- err
		}()
		unlock()
		if err := <-got; err != nil {
			t.Errorf("the second waits and then goes on: %v", err)
		}
	}
	if _, err := os.Stat(sys.TemporaryOf(filepath.Join(root, SysctlFile))); err == nil {
		t.Error("what a crash has left is still there")
	}
	if unlock, err := Lock(t.Context(), filepath.Join(root, "empty"), &Store{Path: "/nonexistent/state"}); err != nil {
		t.Errorf("where nothing is to be locked: %v", err)
	} else {
		unlock()
	}
}
