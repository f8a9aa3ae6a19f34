package sys

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What has no end, no contents or too much of them is refused, and nobody waits.
func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, content string) string {
		if err := os.WriteFile(at(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return at(name)
	}
	large, err := os.Create(at("large"))
	if err != nil {
		t.Fatal(err)
	}
	if err := large.Truncate(1 << 40); err != nil { // a hole: who reads it reads for ever
		t.Fatal(err)
	}
	_ = large.Close()
	if err := unix.Mkfifo(at("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for name, want := range map[string]string{ // "!" and words of the error
		write("eight", "8 bytes."):    "8 bytes.",
		write("empty", ""):            "",
		write("nine", "too many."):    "!nine: 9 B, more than the 8 B that are legal",
		at("none"):                    "!none: no such file or directory",
		at("large"):                   "!large: 1.0 TiB, more than",
		at("fifo"):                    "!fifo: is a pipe to which nobody writes",
		at("socket"):                  "!socket: is a socket",
		dir:                           "!: is a directory",
		"/dev/zero":                   "!/dev/zero: is a device: want a file or a pipe",
		"/dev/null":                   "!/dev/null: is a device",
		"/proc/self/status":           "!/proc/self/status: more than 8 B", // it says it has 0 bytes
		"/proc/sys/kernel/ostype":     "Linux\n",
		filepath.Join(dir, "eight/x"): "!eight/x: not a directory",
	} {
		got, err := ReadFile(name, 8)
		words, fails := strings.CutPrefix(want, "!")
		if fails && (err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "\n")) ||
			!fails && (err != nil || got != want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
}

// A pipe is read to its end, and no further than the bound.
func TestReadFileOfPipe(t *testing.T) {
	for said, want := range map[string]string{"token": "token", strings.Repeat("x", 1<<20): "!more than 8 B"} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		go func() { // the shell's <(command)
			_, _ = w.WriteString(said)
			_ = w.Close()
		}()
		got, err := ReadFile(fmt.Sprintf("/proc/thread-self/fd/%d", r.Fd()), 8)
		_ = r.Close()
		words, fails := strings.CutPrefix(want, "!")
		if fails && (err == nil || !strings.Contains(err.Error(), words)) || !fails && (err != nil || got != want) {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
}
