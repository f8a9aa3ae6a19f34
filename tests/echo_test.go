package tests

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/report"
)

// The open loop sends at its rate, every message comes back, and the heat map counts each.
func TestEchoAtARate(t *testing.T) {
	s := start(t, 3, nil, "--max-conns", "1000")
	args := s.to(3, "--conns", "50", "--rate", "500", "--size", "10:2000", "--depth", "4", "--duration", "2s",
		"--verify", "10")
	args[0] = "echo"
	o := client(t, nil, nil, args...)
	e := o.Result.Echo
	// On a machine that stalls for more than a second some are never sent, and
	// counted as such.
	unsent := o.Result.Conns.Errors["echo_overdue"]
	if e == nil || e.Received+unsent != 1000+10 || unsent > 200 || e.Lost != 0 || e.Mismatched != 0 || e.Bytes < 1000*10 {
		t.Fatalf("status %d, echo %+v: want 1000 messages in 2 s, and 10 to verify; %s", o.Status, e, o.Stderr)
	}
	if o.Result.Behind != (o.Status == 1) || !strings.Contains(report.Verdict(o.Result), "500 messages a second") {
		t.Errorf("status %d, behind %v, verdict %q", o.Status, o.Result.Behind, report.Verdict(o.Result))
	}
	var titles []string
	for _, table := range report.Tables(o.Result) {
		titles = append(titles, table.Title)
	}
	if !slices.Equal(titles, []string{"Processors", "Processes of the server", "Threads"}) {
		t.Fatalf("tables %q, want who had the processors", titles)
	}
	if n, _ := cell(t, report.Tables(o.Result)[1], 0, "calls/message"); n < 1.5 || n > 20 {
		t.Errorf("%g calls of read(2) and write(2) a message, want 2 or a few more", n)
	}
	sum := int64(0)
	if h := o.Result.Heat; h == nil || len(h.Counts) != 60 {
		t.Fatalf("heat %+v, want 60 columns", h)
	}
	for _, column := range o.Result.Heat.Counts {
		for _, n := range column {
			sum += n
		}
	}
	if sum != 1000-unsent {
		t.Errorf("heat has %d messages, want %d", sum, 1000-unsent)
	}
}

// WebSocket, closed loop, several messages in flight on each connection.
func TestEchoPipelinedWebSocket(t *testing.T) {
	first, _ := freePorts(t, 10)
	first += 5 // start takes the first two
	s := start(t, 1, nil, "--max-conns", "1000", "--ws", fmt.Sprint(first)+":2")
	o := client(t, nil, nil, "echo", "--proto", "ws", "--first-port", fmt.Sprint(first), "--ports", "2",
		"--server-control", "http://"+s.control,
		"--conns", "20", "--size", "1:70000", "--depth", "8", "--duration", "1s")
	if e := o.Result.Echo; o.Status != 0 || e == nil || e.Received < 100 || e.Sent != e.Received ||
		o.Result.Conns.Lost != 0 {
		t.Errorf("status %d, echo %+v, conns %+v; %s", o.Status, e, o.Result.Conns, o.Stderr)
	}
	if v := report.Verdict(o.Result); !strings.Contains(v, "closed loop") {
		t.Errorf("verdict %q", v)
	}
}

// A rate that the server cannot keep up with: the report says so, and the status is 1.
func TestEchoDoesNotKeepUp(t *testing.T) {
	s := start(t, 1, nil, "--max-conns", "1000")
	args := s.to(1, "--conns", "2", "--rate", "2M", "--duration", "1s", "--verify", "0")
	args[0] = "echo"
	o := client(t, nil, nil, args...)
	if r := o.Result; o.Status != 1 || !r.Behind || r.Conns.Errors["echo_overdue"] == 0 ||
		!strings.Contains(report.Verdict(r), "does not keep up") {
		t.Errorf("status %d, behind %v, errors %v, verdict %q", o.Status, r.Behind, r.Conns.Errors, report.Verdict(r))
	}
}
