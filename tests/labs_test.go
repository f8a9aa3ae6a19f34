package tests

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
)

// lab are the flags of a scenario against the server.
func (s *server) lab(name string, more ...string) []string {
	args := s.to(1, more...)
	args[0] = name
	return args
}

func TestStress(t *testing.T) {
	s := start(t, 1, nil, "--max-conns", "2000")
	for _, mode := range []string{"kept", "keepalive", "per-request"} {
		o := client(t, nil, nil, s.lab("stress", "--users", "30", "--loops", "40", "--mode", mode, "--close", "rst")...)
		r := o.Result
		if o.Status != 0 || r == nil || r.Echo.Received != 1200 || r.Conns.Failed+r.Conns.Lost != 0 {
			t.Fatalf("%s: status %d, %+v; %s", mode, o.Status, r, o.Stderr)
		}
		if want := map[string]int64{"kept": 30, "keepalive": 120, "per-request": 1200}[mode]; r.Conns.Established != want {
			t.Errorf("%s: %d connections, want %d", mode, r.Conns.Established, want)
		}
		if said := strings.Join(report.Warnings(r.Warnings), "\n"); strings.Contains(said, "after the close") {
			t.Errorf("%s: a server that has closed all is doubted: %s", mode, said)
		}
		if n, _ := cell(t, report.Tables(r)[1], 1, "RSS"); n < 1<<20 ||
			!strings.Contains(report.Verdict(r), "Nothing failed") || !strings.Contains(report.Verdict(r), "memory ") {
			t.Errorf("%s: server's RSS %g; %q", mode, n, report.Verdict(r))
		}
	}
}

// A server that ends in the middle of the steps takes none of those before with it.
func TestPeakOutlivesItsServer(t *testing.T) {
	s := start(t, 1, nil, "--max-conns", "2000")
	o := client(t, nil, func(*exec.Cmd) {
		await(t, "the third step", func() bool { return s.report(t).Accepted > 5+10 })
		s.kill()
	}, s.lab("peak", "--from", "5", "--max", "2000", "--each", "300ms")...)
	r := o.Result
	if o.Status != 1 || r == nil || r.Peak == nil || len(r.Peak.Steps) < 2 || r.Peak.Users == nil {
		t.Fatalf("status %d, %+v; %s", o.Status, r, o.Stderr)
	}
	if said := strings.Join(report.Warnings(r.Warnings), "\n"); !strings.Contains(said, "the run was given up") {
		t.Errorf("warnings %q; %s", said, report.Verdict(r))
	}
	if last := report.Ending(r, o.Status); !strings.Contains(last, "exit status 1") {
		t.Errorf("the last line is %q", last)
	}
}

// A server that has not closed the connections that the client has closed: the report
// says so.
func TestStressReconciles(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var accepted atomic.Int64
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			go func() {
				defer func() { _ = c.Close() }()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	control := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(result.ServerReport{Schema: result.ServerSchema, MaxConns: 1000,
			Open: 10 + accepted.Load()})
	}))
	t.Cleanup(control.Close)
	port := l.Addr().(*net.TCPAddr).Port
	o := client(t, nil, nil, "stress", "--first-port", fmt.Sprint(port), "--server-control", control.URL, "--users",
		"7", "--loops", "5")
	if o.Result == nil {
		t.Fatalf("status %d, no result: %s", o.Status, o.Stderr)
	}
	const want = "after the close the server holds 7 connections more than before the run"
	if said := strings.Join(report.Warnings(o.Result.Warnings), "\n"); !strings.Contains(said, want) {
		t.Errorf("warnings %q, want %q", said, want)
	}
}

// A server that takes only so many: errors by cause, and status 1.
func TestStressAboveTheLimit(t *testing.T) {
	s := start(t, 1, nil, "--max-conns", "20")
	tries(t, func() string {
		o := client(t, nil, nil, s.lab("stress", "--users", "40", "--loops", "5", "--limit", "2s")...)
		if r := o.Result; o.Status != 1 || r == nil || r.Conns.Errors.Sum() == 0 {
			return fmt.Sprintf("status %d, %+v; %s", o.Status, r, o.Stderr)
		}
		return firstFinding(o.Result, "server_full", "--max-conns")
	})
}

// A server that takes 150 connections: the peak is between 100 and 150 users, and the
// report names the reason.
func TestPeak(t *testing.T) {
	s := start(t, 1, nil, "--max-conns", "150")
	tries(t, func() string {
		o := client(t, nil, nil, s.lab("peak", "--from", "25", "--max", "800", "--each", "300ms", "--until",
			"errors>0.1%", "p99>1m")...)
		r := o.Result
		if o.Status != 0 || r == nil || len(report.Tables(r)) < 1 {
			return fmt.Sprintf("status %d, %+v; %s", o.Status, r, o.Stderr)
		}
		if n := r.Plan.Conns; n < 100 || n > 150 {
			return fmt.Sprintf("%d users, want 100 to 150: %s", n, report.Verdict(r))
		}
		if !strings.Contains(report.Verdict(r), "errors>0.1%") ||
			!strings.Contains(report.Verdict(r), "What broke first: server full") {
			return report.Verdict(r)
		}
		last := ""
		for i := range report.Tables(r)[0].Rows {
			users, _ := cell(t, report.Tables(r)[0], i, "users")
			_, broke := cell(t, report.Tables(r)[0], i, "broke")
			if broke != "" && users <= 150 || broke == "" && users > 150 {
				return fmt.Sprintf("%g users: broke %q", users, broke)
			}
			last += broke
		}
		if last == "" {
			return "no step broke"
		}
		return ""
	})
}

// The first step breaks already.
func TestPeakOfNothing(t *testing.T) {
	s := start(t, 1, nil, "--max-conns", "5")
	o := client(t, nil, nil, s.lab("peak", "--from", "20", "--each", "300ms", "--timeout", (2*time.Second).String())...)
	if o.Status != 1 || !strings.Contains(report.Verdict(o.Result), "not even carry 20") {
		t.Errorf("status %d, %q; %s", o.Status, report.Verdict(o.Result), o.Stderr)
	}
}

// hanging is a server of somebody else's, which echoes but never answers the
// connection that its nth message comes over.
func hanging(t *testing.T, nth int64) (port int) {
	t.Helper()
	var messages atomic.Int64
	return slow(t, func(c net.Conn) {
		if messages.Add(1) == nth {
			_, _ = io.Copy(io.Discard, c)
		}
	})
}

// One user of ten hangs until the end of the run and of its drain: that is an
// error, and the ten seconds of the drain are not the others'.
func TestStressOfAHungUser(t *testing.T) {
	o := client(t, nil, nil, "stress", "--first-port", fmt.Sprint(hanging(t, 5)), "--server-control", "none", "--users",
		"10", "--loops", "10m", "--limit", "500ms", "--timeout", "60s")
	r := o.Result
	if o.Status != 1 || r == nil || r.Echo.Lost != 1 || r.Conns.Lost != 0 ||
		!strings.Contains(report.Verdict(r), "1 try failed, mostly echo_timeout") {
		t.Fatalf("status %d, %+v; %s", o.Status, r, o.Stderr)
	}
	if share, _ := cell(t, report.Tables(r)[0], 0, "errors"); share != 0.1 || r.Echo.Seconds > 8 {
		t.Errorf("errors %g, want 0.1 of the users; rate over %g s, want 0.5", share, r.Echo.Seconds)
	}
}

// idleYetSlow complains unless the run has that finding, or one that other programs keep
// the processors busy: then they are not idle.
func idleYetSlow(r *result.Result) (complaint string) {
	if among(r, "others_use_the_processors") == "" || among(r, "all_processors_busy") == "" {
		return ""
	}
	return among(r, "idle_yet_slow", "p99 grew from")
}

// slow is a server that works after each read, and then echoes what it has read.
func slow(t *testing.T, work func(c net.Conn)) (port int) {
	return listen(t, func(c net.Conn) {
		b := make([]byte, 4096)
		for {
			n, err := c.Read(b)
			if err != nil {
				return
			}
			work(c)
			if _, err := c.Write(b[:n]); err != nil {
				return
			}
		}
	})
}

// A server whose work is all done under one lock, in which it sleeps: processors
// idle, and latency grows with the users. No step shows it alone.
func TestPeakOfALock(t *testing.T) {
	var lock sync.Mutex
	port := slow(t, func(net.Conn) {
		lock.Lock()
		time.Sleep(time.Millisecond)
		lock.Unlock()
	})
	tries(t, func() string {
		o := client(t, nil, nil, "peak", "--first-port", fmt.Sprint(port), "--server-control", "none", "--from", "5",
			"--max", "640", "--each", "500ms", "--precision", "0.5", "--until", "p99>100ms")
		if o.Status != 0 || o.Result == nil || !strings.Contains(report.Verdict(o.Result), "What broke first") {
			return fmt.Sprintf("status %d, %+v; %s", o.Status, o.Result, o.Stderr)
		}
		return idleYetSlow(o.Result)
	})
}

// A server that gets slower with time, and sleeps: a fixed amount of work shows
// when it slowed down.
func TestStressOfAServerThatSlowsDown(t *testing.T) {
	tries(t, func() string {
		first := sync.OnceValue(time.Now)
		port := slow(t, func(net.Conn) { time.Sleep(time.Millisecond + time.Since(first())/20) })
		o := client(t, nil, nil, "stress", "--first-port", fmt.Sprint(port), "--server-control", "none", "--users", "4",
			"--loops", "70")
		r := o.Result
		if o.Status != 0 || r == nil || r.Heat == nil || len(r.Heat.Counts) < 8 {
			return fmt.Sprintf("status %d, %+v; %s", o.Status, r, o.Stderr)
		}
		return idleYetSlow(r)
	})
}
