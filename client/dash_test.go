package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/dash"
	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/tests/nettest"
	"github.com/c10m/c10m/tests/rig"
)

// patience bounds every wait.
const patience = time.Minute

func TestDashBadUsage(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for _, addr := range []string{"9091", "localhost:9091", ":9091", "127.0.0.1", "127.0.0.1:70000", "192.0.2.1:9091",
		taken.Addr().String()} {
		var stdout, stderr bytes.Buffer
		status := run(context.Background(), []string{"--dash", addr}, &stdout, &stderr)
		if line := stderr.String(); status != cli.BadUsage || strings.Count(line, "\n") != 1 ||
			!strings.Contains(line, "--dash") || !strings.Contains(line, addr) {
			t.Errorf("--dash %s: status %d, %q; want 2 and one line that names both", addr, status, line)
		}
	}
}

// TestDashWarns: a page that others can reach is said to be one, once; that nobody
// listens where the run goes comes after it.
func TestDashWarns(t *testing.T) {
	for addr, want := range map[string]int{"0.0.0.0:0": 1, "127.0.0.1:0": 0} {
		var stdout, stderr bytes.Buffer
		run(context.Background(), []string{"--first-port", "1", "--ports", "1", "--conns", "1", "--server-control",
			"none", "--quiet", "--dash", addr}, &stdout, &stderr)
		if n := strings.Count(stderr.String(), "warning: --dash "+addr+": everybody who reaches it"); n != want {
			t.Errorf("--dash %s: %d warnings, want %d: %s", addr, n, want, stderr.String())
		}
	}
}

// TestPageOfSeveralRuns: what the curves are rates of does not begin anew with
// each of peak's steps.
func TestPageOfSeveralRuns(t *testing.T) {
	p := &page{}
	open := false
	for i, run := range []struct {
		of     *scenario.Prepared
		opened int64 // of this run so far
		want   int64
	}{{of: new(scenario.Prepared)}, {opened: 5, want: 5}, {of: new(scenario.Prepared), want: 5}, {opened: 2, want: 7},
		{of: new(scenario.Prepared), opened: 1, want: 8}} {
		s := scenario.Progress{Run: run.of}
		if s.Run == nil {
			s.Run = p.latest.Run
		}
		s.Live = func() (l loadgen.Live) {
			l.Connect, l.Echo = result.NewHistogram(), result.NewHistogram()
			l.Established, l.Received, l.Bytes = run.opened, 10*run.opened, 640*run.opened
			return l
		}
		if first := p.turn(&s); first == open {
			t.Errorf("progress %d: first %v", i, first)
		}
		open = true
		sample := dash.Sample{Run: new(dash.Run)}
		fillSample(&sample, s, p.before)
		if sample.Opened != run.want || sample.Messages != 10*run.want || sample.Bytes != 640*run.want {
			t.Errorf("progress %d: %d opened, %d messages, %d bytes; want %d, %d, %d", i, sample.Opened,
				sample.Messages, sample.Bytes, run.want, 10*run.want, 640*run.want)
		}
	}
}

// get is an answer of the page, "" while there is none.
func get(addr, path, host string) (body string, status int) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		return "", 0
	}
	req.Host = host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", 0
	}
	defer func() { _ = resp.Body.Close() }()
	b, _ := io.ReadAll(resp.Body)
	return string(b), resp.StatusCode
}

// TestDash: a run with threads that have fd tables of their own shows itself
// while it goes on; a viewer that was there before the threads sees the end of
// its connection, so no table has kept a copy of it.
func TestDash(t *testing.T) {
	port := rig.Listen(t, func(c net.Conn) { _, _ = io.Copy(c, c) }).Port()
	addr := fmt.Sprintf("127.0.0.1:%d", nettest.FreePort(t))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var stdout, stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"hold", "--first-port", fmt.Sprint(port), "--ports", "1", "--conns", "30",
			"--threads", "3", "--private-fds", "on",
			"--server-control", "none", "--interval", "10ms", "--hold", "10m", "--settle", "0s", "--quiet", "--dash",
			addr}, &stdout, &stderr)
	}()
	var early net.Conn
	var err error
	rig.Await(t, "the page's socket", func() bool {
		early, err = net.Dial("tcp", addr)
		return err == nil
	})
	defer func() { _ = early.Close() }()
	_, _ = fmt.Fprintf(early, "GET /events HTTP/1.1\r\nHost: %s\r\n\r\n", addr)
	for _, want := range []string{`c10m_client_connections{proto="tcp"} 30`, `c10m_client_phase{phase="hold"} 1`,
		`c10m_client_thread_connections{thread="2"} 10`} {
		rig.Await(t, want, func() bool {
			body, _ := get(addr, "/metrics", addr)
			return strings.Contains(body, want)
		})
	}
	rig.Await(t, "echoes", func() bool {
		body, _ := get(addr, "/metrics", addr)
		return !strings.Contains(body, "c10m_client_echo_seconds_count{proto=\"tcp\"} 0\n") &&
			strings.Contains(body, "c10m_client_echo_seconds_bucket")
	})
	if _, status := get(addr, "/", "evil.example"); status != http.StatusForbidden {
		t.Errorf("for a stranger's name the page answers %d, want 403", status)
	}
	cancel()
	if status := <-ended; status != interrupted {
		t.Errorf("status %d, want 130: %s", status, stderr.String())
	}
	_ = early.SetReadDeadline(time.Now().Add(patience))
	told, err := io.ReadAll(early)
	if err != nil || !bytes.Contains(told, []byte("event: sample")) || !bytes.Contains(told, []byte("event: end")) {
		t.Errorf("a viewer's connection: %v after %d bytes; want samples and its end", err, len(told))
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		_ = c.Close()
		t.Error("the page's socket is still open after the run")
	}
}
