package tests

import (
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

// A load that goes up, holds, goes down and up again: each stage reaches its number of
// connections, closed ones are opened again, and the cost of a connection is fitted to
// the first way up.
func TestStages(t *testing.T) {
	port := listen(t, func(c net.Conn) { _, _ = io.Copy(c, c) })
	o := client(t, nil, nil, to(port, "--stage", "300@3k/s", "--stage", "hold=200ms", "--stage", "100@2k/s", "--stage",
		"400@max",
		"--stage", "0@10k/s", "--interval", "50ms", "--jitter", "50%", "--settle", "100ms")...)
	o.HasResult(t)
	r := o.Result
	if c := r.Conns; o.Status != 0 || c.Attempted != 600 || c.Established != 600 || c.Lost != 0 || r.Plan.Conns != 400 {
		t.Errorf("status %d, %+v of %d: %s", o.Status, c, r.Plan.Conns, o.Stderr)
	}
	want := []result.Stage{{Kind: result.StageUp, Asked: 300}, {Kind: result.StageHold, Asked: 300},
		{Kind: result.StageDown, Asked: 100},
		{Kind: result.StageUp, Asked: 400}, {Kind: result.StageDown, Asked: 0}}
	if len(r.Stages) != len(want) || len(r.Course) < 2 || r.Course[len(r.Course)-1].Conns != 0 {
		t.Fatalf("stages %+v, course %+v", r.Stages, r.Course)
	}
	for i, s := range r.Stages {
		if s.Kind != want[i].Kind || s.Asked != want[i].Asked || s.Reached != s.Asked || s.Memory == nil ||
			(s.Kind == result.StageHold) == (s.Rate > 0) {
			t.Errorf("stage %+v, want %s to %d", s, want[i].Kind, want[i].Asked)
		}
	}
	if e := r.Echo; e == nil || r.Stages[1].Messages < 300 || e.Received < r.Stages[1].Messages+400 ||
		e.Verified != 400 {
		t.Errorf("%+v in all, stage %+v", e, r.Stages[1])
	}
	if r.Reconcile == nil || r.Reconcile.Client != 300 || r.Setup == nil || r.Setup.Rate <= 0 {
		t.Errorf("settled at %+v, setup %+v", r.Reconcile, r.Setup)
	}
}

// Connections that only ping, as users behind a proxy do, are not lost, and the report has
// the round trips.
func TestPing(t *testing.T) {
	const ports, conns = 2, 200
	s, first := wsPorts(t, ports)
	o := client(t, nil, nil, "hold", "--proto", "ws", "--first-port", fmt.Sprint(first), "--ports", fmt.Sprint(ports),
		"--server-control", "http://"+s.control, "--conns", fmt.Sprint(conns), "--ping", "1s", "--hold", "1200ms",
		"--verify", "0", "--settle", "0s")
	o.HasResult(t)
	p := o.Result.Pings
	if c := o.Result.Conns; o.Status != 0 || c.Lost != 0 || p == nil || p.Sent < conns || p.Answered > p.Sent ||
		p.Answered < p.Sent-conns || p.Latency == nil {
		t.Errorf("status %d, %+v, pings %+v: %s", o.Status, c, p, o.Stderr)
	}
}
