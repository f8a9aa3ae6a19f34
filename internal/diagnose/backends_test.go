package diagnose

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/sys"
)

var database = netip.MustParseAddrPort("10.0.0.9:5432")

// TestFindBackends: what a server does with others, and what is said of it.
func TestFindBackends(t *testing.T) {
	stuck := func(looks int, loop bool) []Wait {
		return []Wait{{PID: 11, TID: 11, Process: "python3", Loop: loop, Call: "recv", To: database, Looks: looks,
			Of: 100}}
	}
	brief := Upstream{To: database, PID: 12, Process: "celery", Open: 2, New: 500, Ended: 499, Seconds: 10}
	for _, tt := range []struct {
		name  string
		waits []Wait
		ups   []Upstream
		want  []string // findings
		said  []string // in the first one's texts
	}{
		{"a loop in a call", stuck(80, true), nil, []string{LoopBlocked},
			[]string{"process 11 (python3) sat in recv(2) on 10.0.0.9:5432 (PostgreSQL's port) at 80 of 100 looks",
				"used 10 % of a processor", "does not block"}},
		{"a thread that is no loop", stuck(80, false), nil, nil, nil},
		{"a loop, now and then", stuck(20, true), nil, nil, nil},
		{"a loop at a Unix socket", []Wait{{PID: 11, TID: 11, Loop: true, Call: "recv", Looks: 50, Of: 100}}, nil,
			[]string{LoopBlocked}, []string{"not TCP's"}},
		{"a connection each time", nil, []Upstream{brief}, []string{ConnectsEachTime},
			[]string{"process 12 (celery) opened 500 connections to 10.0.0.9:5432 (PostgreSQL's port) within 10.0 s, " +
				"50.0/s, and 499 of them", "pool"}},
		{"a pool that grew", nil, []Upstream{{To: database, PID: 12, Open: 500, New: 500, Ended: 0, Seconds: 10}}, nil,
			nil},
		{"a few", nil, []Upstream{{To: database, PID: 12, New: 19, Ended: 19, Seconds: 1}}, nil, nil},
		{"seldom", nil, []Upstream{{To: database, PID: 12, New: 400, Ended: 400, Seconds: 100}}, nil, nil},
		{"until ports are short", nil, []Upstream{{To: database, PID: 12, New: 4000, Ended: 4000, Seconds: 10}},
			[]string{ConnectsEachTime},
			[]string{"TIME_WAIT takes 24,000 of 28,232 local ports"}},
		{"both, of one other server: one finding", stuck(80, true), []Upstream{brief}, []string{LoopBlocked},
			[]string{"50.0/s", "keep the connection"}},
		{"both, of two", stuck(80, true),
			[]Upstream{{To: netip.MustParseAddrPort("10.0.0.8:6379"), PID: 11, New: 500, Ended: 500, Seconds: 10}},
			[]string{LoopBlocked, ConnectsEachTime}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := window()
			w.Seen.Waits, w.Seen.Upstreams = tt.waits, tt.ups
			found := Find(w)
			var names []string
			for _, f := range found {
				names = append(names, f.Code)
			}
			if !slices.Equal(names, tt.want) {
				t.Fatalf("found %q, want %q", names, tt.want)
			}
			for _, s := range tt.said {
				if f := report.Finding(found[0]); !strings.Contains(f.Evidence+f.Meaning+f.Cure, s) {
					t.Errorf("%+v lacks %q", f, s)
				}
			}
		})
	}
	w := window()
	w.Seen.Waits = stuck(80, true)
	grow(&w)
	if f := Find(w)[0]; f.Code != LoopBlocked ||
		!strings.Contains(report.Finding(f).Meaning, "blocked in a call on another server") {
		t.Errorf("%+v: want it to explain the latency", f)
	}
}

// server is a /proc in which processes have these fds.
func server(t *testing.T, fds map[string]string) (proc.FS, string) {
	t.Helper()
	root := t.TempDir()
	for name, target := range fds {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, file); err != nil {
			t.Fatal(err)
		}
	}
	fp, err := proc.New(root, root)
	if err != nil {
		t.Fatal(err)
	}
	return fp, root
}

func end(state sys.SockState, local int, to netip.AddrPort, inode uint32) sys.SockInfo {
	return sys.SockInfo{State: state, Local: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), uint16(local)),
		Remote: to, Inode: inode}
}

// Connections to other servers are told from those of clients and of other
// programs, and what is new from what was there.
func TestUpstreams(t *testing.T) {
	ns := map[string]string{"self/ns/net": "net:[1]", "7/ns/net": "net:[1]", "7/fd/3": "anon_inode:[eventpoll]",
		"7/fd/5": "socket:[70]"}
	fp, _ := server(t, ns)
	u := newUpstreams(fp, Target{Server: []int{7}, Ports: []int{8080}})
	peer := netip.MustParseAddrPort("10.0.0.6:8080") // another server of its kind, on the same port
	cache, other := netip.MustParseAddrPort("10.0.0.1:6379"), netip.MustParseAddrPort("10.0.0.7:443")
	client := netip.MustParseAddrPort("10.0.0.5:40000")
	listeners := map[uint16]bool{8080: true, 6379: true}
	at := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	look := func(second int, all ...sys.SockInfo) {
		u.begin()
		for _, s := range all {
			u.connection(s, listeners)
		}
		u.end(at.Add(time.Duration(second)*time.Second), false)
	}
	accepted, own := end(sys.Established, 8080, client, 60),
		end(sys.Established, 40_001, netip.MustParseAddrPort("10.0.0.1:8080"), 61)
	look(0, accepted, own, end(sys.Established, 50_000, database, 69), end(sys.TimeWait, 50_001, database, 0),
		end(sys.Established, 51_000, other, 99))
	look(1, accepted, own, end(sys.Established, 50_000, database, 69), end(sys.TimeWait, 50_001, database, 0),
		end(sys.SynSent, 50_002, database, 70), end(sys.TimeWait, 50_003, database, 0),
		end(sys.Established, 51_001, other, 98))
	// The other end of a connection to the cache is on this machine, and closed first.
	look(2, end(sys.Established, 50_000, database, 69),
		end(sys.TimeWait, 6379, netip.MustParseAddrPort("10.0.0.1:52000"), 0))
	got := u.all(nil)
	if len(got) != 1 || got[0].To != database || got[0].PID != 7 || got[0].New != 2 || got[0].Ended != 1 ||
		got[0].Open != 2 || got[0].Rate() != 1 {
		t.Errorf("%+v: want the database alone, 2 new in 2 s, one still there", got)
	}
	look(3, end(sys.Established, 50_000, database, 69), end(sys.Established, 53_000, peer, 70))
	if got = u.all(nil); len(got) != 2 || got[1].To != peer {
		t.Errorf("%+v: want the server on the same port of another machine as well", got)
	}
	got = u.all([]Wait{{PID: 7, To: cache, Looks: 1, Of: 2}}) // a thread was found in a call there
	found := slices.IndexFunc(got, func(u Upstream) bool { return u.To == cache })
	if len(got) != 3 || found < 0 || got[found].PID != 7 || got[found].New != 1 || got[found].Threads != 0.5 {
		t.Errorf("%+v: want the cache as well", got)
	}
	if !u.loops[7] {
		t.Error("its epoll instance was not seen")
	}
}

// A thread in a call on another server is found by the fd that it waits for, also
// where that is in a struct pollfd.
func TestCallWatch(t *testing.T) {
	fp, root := server(t, map[string]string{"7/fd/5": "socket:[70]", "7/fd/6": "socket:[71]", "7/fd/9": "socket:[79]",
		"7/fd/10": "/dev/null"})
	call := func(tid int, text string) proc.Thread {
		file := filepath.Join(root, fmt.Sprintf("7/task/%d/syscall", tid))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text+" 0x0 0x0 0x0 0x0 0x0 0x0 0x7ff 0x7ff\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return proc.Thread{PID: 7, TID: tid, State: 'S'}
	}
	if err := os.WriteFile(filepath.Join(root, "7/mem"), []byte("........\x05\x00\x00\x00\x01\x00\x00\x00"),
		0o600); err != nil {
		t.Fatal(err)
	}
	number := func(name string, waits sys.Waiting) string {
		for n := int64(0); n < 500; n++ {
			if c := sys.CallOf(n); c.Name == name && c.Waits == waits {
				return fmt.Sprint(n)
			}
		}
		t.Fatalf("no system call %s", name)
		return ""
	}
	recv, poll, epoll := number("recv", sys.OnFD), number("poll", sys.OnPoll), number("epoll_wait", sys.OnEpoll)
	c := newCallWatch(fp)
	list := func(to map[uint32]netip.AddrPort, clients ...uint32) {
		c.begin()
		for _, inode := range clients {
			c.client(inode)
		}
		c.resolve(to)
	}
	for range 3 {
		c.look(call(1, epoll+" 0x3"))    // a loop ...
		c.look(call(1, poll+" 0x8 0x1")) // ... that a driver keeps in poll(2)
		c.look(call(2, recv+" 0x6"))     // serves a client
		c.look(call(3, epoll+" 0x4"))    // two threads share an epoll instance ...
		c.look(call(4, epoll+" 0x4"))    //
		c.look(call(4, recv+" 0x5"))     // ... and one of them waits
		c.look(call(5, recv+" 0xa"))     // a file
		c.look(call(6, epoll+" 0x8"))    // another loop ...
		c.look(call(6, recv+" 0x9"))     // ... at a Unix socket
		c.look(proc.Thread{PID: 7, TID: 8, State: 'R'})
		list(map[uint32]netip.AddrPort{70: database}, 71)
	}
	got := c.waits(map[int]bool{7: true})
	want := []Wait{
		{PID: 7, TID: 1, Loop: true, Call: "poll", To: database, Looks: 3, Of: 6},
		{PID: 7, TID: 4, Loop: false, Call: "recv", To: database, Looks: 3, Of: 6},
		{PID: 7, TID: 6, Loop: true, Call: "recv", Looks: 3, Of: 6},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
