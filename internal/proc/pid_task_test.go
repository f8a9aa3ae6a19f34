package proc

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"
)

func TestParseThread(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     Thread
		bad      bool
	}{
		{"plain", "4711 (server) R 1 2 3 0 -1 4194304 5 0 6 0 250 75 0 0 20 0 9 0 1\n",
			Thread{TID: 4711, Name: "server", State: 'R', User: 2.5, System: 0.75}, false},
		{"spaces and parentheses", "7 (a (b) c) T 1 2 3 0 -1 4194304 5 0 6 0 1 2 0 0", Thread{TID: 7, Name: "a (b) c",
			State: 'T', User: 0.01, System: 0.02}, false},
		{"nothing", "", Thread{}, true},
		{"no name", "7 R 1 2 3", Thread{}, true},
		{"too short", "7 (a) R 1 2 3", Thread{}, true},
		{"no number", "7 (a) R 1 2 3 0 -1 4194304 5 0 6 0 x 2 0 0", Thread{}, true},
		{"parentheses the wrong way", "7 )a( R", Thread{}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseThread([]byte(tt.in))
			if (err != nil) != tt.bad || err == nil && got != tt.want {
				t.Errorf("parseThread = %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func FuzzParseThread(f *testing.F) {
	f.Add([]byte("4711 (server) R 1 2 3 0 -1 4194304 5 0 6 0 250 75 0 0 20 0 9 0 1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if th, err := parseThread(b); err == nil && (th.User < 0 || th.System < 0 || th.State == 0) {
			t.Errorf("%+v", th)
		}
	})
}

// TestThreads burns some time on a thread of its own and wants to see it.
func TestThreads(t *testing.T) {
	p, err := Here()
	if err != nil {
		t.Fatal(err)
	}
	total := func() (run float64) {
		threads, err := p.Threads(os.Getpid())
		if err != nil || len(threads) == 0 {
			t.Fatalf("Threads = %v, %v", threads, err)
		}
		for _, th := range threads {
			if th.PID != os.Getpid() || th.TID == 0 || th.Name == "" {
				t.Fatalf("thread %+v", th)
			}
			run += th.Run
		}
		return run
	}
	before, end := total(), time.Now().Add(time.Minute)
	for total()-before < 0.05 {
		if time.Now().After(end) {
			t.Fatal("a minute of work and no processor time")
		}
		for range 1_000_000 {
			runtime.KeepAlive(end)
		}
	}
	if _, err := p.Threads(1 << 30); !errors.Is(err, ErrGone) {
		t.Errorf("no such process: error %v, want ErrGone", err)
	}
}

func TestCoresAndFDs(t *testing.T) {
	p, err := Here()
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.Cores()
	if err != nil || len(c.Each) == 0 || c.Each[0].Busy <= 0 || c.Runnable < 1 {
		t.Errorf("Cores = %+v, %v", c, err)
	}
	before, err := p.FDs(os.Getpid())
	if err != nil || before.Limit <= 0 {
		t.Fatalf("FDs = %+v, %v", before, err)
	}
	f, err := os.Open("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if after, err := p.FDs(os.Getpid()); err != nil || before.Open >= 0 && after.Open <= before.Open {
		t.Errorf("FDs = %+v, then with a file open %+v, %v", before, after, err)
	}
	if !p.SameNet(os.Getpid()) || p.SameNet(1<<30) {
		t.Error("SameNet: want true for ourselves and false for nobody")
	}
	if p.Name(os.Getpid()) == "" {
		t.Error("Name of ourselves is empty")
	}
}

// TestOwners finds this process by a socket of its own.
func TestOwners(t *testing.T) {
	p, err := Here()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	target, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	var inode uint32
	if _, err := fmt.Sscanf(target, "socket:[%d]", &inode); err != nil {
		t.Fatalf("%s: %v", target, err)
	}
	if pids := p.Owners(map[uint32]bool{inode: true}); !slices.Contains(pids, os.Getpid()) {
		t.Errorf("owners of our socket: %v, want %d among them", pids, os.Getpid())
	}
	if pids := p.Owners(map[uint32]bool{1: true}); len(pids) != 0 {
		t.Errorf("owners of no socket: %v", pids)
	}
}
