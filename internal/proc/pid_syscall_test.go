package proc

import (
	"os"
	"path/filepath"
	"testing"
)

// As Linux 6.18 writes it: of a thread in recvfrom(2), one that runs, one that
// sleeps outside a call.
func TestCall(t *testing.T) {
	recv := Call{Number: 45, Args: [6]uint64{6, 0x7f12c0d0a0a0, 0x4000, 0, 0, 0}}
	for _, tt := range []struct {
		name, text string
		want       Call
		ok         bool
	}{
		{"recvfrom", "45 0x6 0x7f12c0d0a0a0 0x4000 0x0 0x0 0x0 0x7ffd0a0a0a08 0x7f12c1a2b3c4\n", recv, true},
		{"runs", "running\n", Call{}, false},
		{"outside", "-1 0x7ffd0a0a0a08 0x7f12c1a2b3c4\n", Call{}, false},
		{"cut short", "45 0x6 0x7f12\n", Call{}, false},
		{"no number", "45 0x6 zz 0x4000 0x0 0x0 0x0 0x0 0x0\n", Call{}, false},
		{"nothing", "", Call{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			write(t, filepath.Join(root, "7/task/9/syscall"), tt.text)
			p, err := New(root, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if c, ok := p.Call(7, 9); c != tt.want || ok != tt.ok {
				t.Errorf("%+v, %v: want %+v, %v", c, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestFDAndPolledFD(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "7/mem"), "....\x05\x00\x00\x00\x01\x00\x00\x00")
	for fd, target := range map[string]string{"3": "socket:[4711]", "4": "anon_inode:[eventpoll]", "5": "/dev/null"} {
		if err := os.MkdirAll(filepath.Join(root, "7/fd"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(root, "7/fd", fd)); err != nil {
			t.Fatal(err)
		}
	}
	p, err := New(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for fd, want := range map[int]FD{3: {Inode: 4711, Socket: true}, 4: {Epoll: true}, 5: {}} {
		if got, ok := p.FD(7, fd); got != want || !ok {
			t.Errorf("fd %d: %+v, %v: want %+v", fd, got, ok, want)
		}
	}
	if _, ok := p.FD(7, 6); ok {
		t.Error("an fd that is not there was found")
	}
	if fd, err := p.PolledFD(7, 4); err != nil || fd != 5 {
		t.Errorf("polled fd %d, %v: want 5", fd, err)
	}
	if _, err := p.PolledFD(8, 4); err == nil {
		t.Error("no process has no memory")
	}
}
