package main

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/tests/rig"
)

// TestMain is the program itself where it is started for a job.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == jobCommand {
		os.Exit(serveJob())
	}
	os.Exit(m.Run())
}

// partAt is a part of a run against an echo server of the test's own.
func partAt(t *testing.T, line string) job {
	t.Helper()
	at := rig.Listen(t, func(c net.Conn) { _, _ = io.Copy(c, c) })
	words := append(strings.Fields(line), "--first-port", strconv.Itoa(int(at.Port())), "--ports", "1",
		"--server-control", "none")
	j, err := parsePart(t.Context(), words, nil)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// A part waits at each gate until it is opened, says where it stands, and ends with
// its result.
func TestChildPassesGates(t *testing.T) {
	j := partAt(t, "hold --conns 10 --hold 0s --settle 0s --verify 3 --"+liveHistograms)
	c, err := j.start(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	c.Open(scenario.GateHold) // before it comes there: that is not forgotten
	var at []string
	var last scenario.Event
	for e := range c.Events() {
		if e.Seq <= last.Seq {
			t.Errorf("event %d after %d", e.Seq, last.Seq)
		}
		last = e
		if e.Gate == "" || slices.Contains(at, e.Gate) {
			continue
		}
		at = append(at, e.Gate)
		if want := map[string]int64{scenario.GateRamp: 0,
			scenario.GateClose: 10}[e.Gate]; e.Gate != scenario.GateHold && (e.Open != want || e.Plan.Conns != 10) {
			t.Errorf("at gate %s: %+v, want %d open of 10", e.Gate, e, want)
		}
		if e.Gate == scenario.GateClose && (e.Connect == nil || e.Connect.Count != 10 || e.Connect.Encoded == "") {
			t.Errorf("histogram %+v", e.Connect)
		}
		c.Open(e.Gate)
		c.Open(e.Gate) // said twice
	}
	if !slices.Contains(at, scenario.GateRamp) || !slices.Contains(at, scenario.GateClose) {
		t.Errorf("it stood at %q", at)
	}
	r, short, err := c.Result()
	if err != nil || short || r.Conns.Established != 10 || r.Echo.Verified != 3 || r.Setup.Began.IsZero() ||
		r.Host.BootID == "" {
		t.Errorf("result %+v, short %v, %v", r, short, err)
	}
}

// However a part ends before its time, it says what it can: what it has so far after an
// interrupt, or with nobody at the other end of its pipe; that there is no answer once it was killed.
func TestChildEndsEarly(t *testing.T) {
	for name, end := range map[string]func(*child){
		"interrupted":         func(c *child) { c.Stop() },
		"nobody to serve":     func(c *child) { c.mu.Lock(); _ = c.to.Close(); c.mu.Unlock() },
		"killed":              func(c *child) { c.Kill() },
		"interrupted at ramp": nil,
	} {
		t.Run(name, func(t *testing.T) {
			j := partAt(t, "hold --conns 10 --hold 1h --settle 0s")
			c, err := j.start(io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			if end != nil {
				c.Open(scenario.GateRamp)
				c.Open(scenario.GateHold)
			}
			done := false
			for e := range c.Events() {
				switch {
				case done:
				case end == nil && e.Gate == scenario.GateRamp:
					done = true
					c.Stop()
				case end != nil && e.Phase == "hold" && e.Open == 10:
					done = true
					end(c)
				}
			}
			r, _, err := c.Result()
			switch {
			case name == "killed":
				if !errors.Is(err, errNoAnswer) {
					t.Errorf("killed: %+v, %v", r, err)
				}
			case err != nil || !r.Interrupt || end != nil && r.Conns.Established != 10:
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

// Of a process that was killed it is said whether memory had run out.
func TestWordsOfKill(t *testing.T) {
	was := proc.OOMKills{Group: 1, Machine: 5}
	for want, now := range map[string]proc.OOMKills{
		"memory of its control group had run out": {Group: 2, Machine: 6},
		"memory had run out, and":                 {Group: 1, Machine: 6},
		"":                                        was,
	} {
		if got := wordsOfKill(was, now); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%+v: %q, want %q", now, got, want)
		}
	}
}

// Who gave a job may be stopped: the run goes on without it.
func TestChildWithNobodyListening(t *testing.T) {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	tells := newTeller(to, true, false)
	for range 20_000 { // a pipe holds 64 KiB
		latest(tells.next, scenario.Event{Phase: strings.Repeat("x", 64)})
	}
	_ = from.Close()
	if err := tells.end(answer{Result: &result.Result{}}); err == nil {
		t.Error("an answer that nobody reads was written")
	}
}

func TestChildLooks(t *testing.T) {
	j := partAt(t, "stress --users 1M")
	j.Look = true
	c, err := j.start(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.wait()
	if err != nil || len(a.Limits) < 2 || a.Limits[0].Max > a.Limits[1].Max {
		t.Errorf("%+v, %v", a, err)
	}
	j.Run.Places = plan.At(loopback, 1) // nobody listens there
	if c, err = j.start(io.Discard); err != nil {
		t.Fatal(err)
	}
	if _, err = c.wait(); err == nil || !strings.Contains(err.Error(), "server not reachable") {
		t.Errorf("error %v", err)
	}
}

// What others ask of an agent touches nothing but connections.
func TestPartsTouchNothing(t *testing.T) {
	for _, line := range []string{"", "soak", "peak --users 3", "diagnose", "report x.json", "run-job", "hold --json x",
		"hold --json=x", "echo --html x", "hold --csv -",
		"hold --fail-if conns.failed>0", "hold --dash 0.0.0.0:1", "churn --sysctl net.core.somaxconn=1",
		"churn --server=reboot", "churn --tw-reuse 1",
		"churn --port-range 1-2", "hold --server-pid 1", "churn --max-tw 1", "churn --matrix", "--json x",
		"hold -- --json", "hold --conns"} {
		if _, err := parsePart(t.Context(), strings.Fields(line), nil); !errors.Is(err, cli.ErrUsage) {
			t.Errorf("%q: error %v, want bad usage", line, err)
		}
	}
	for _, name := range []string{"hold", "echo", "stress", "churn"} {
		for _, flag := range flagsOf(name).Standing("FILE", "CMD") {
			_, err := parsePart(t.Context(), []string{name, "--" + flag, "/etc/passwd"}, nil)
			if !errors.Is(err, cli.ErrUsage) || !strings.Contains(err.Error(), "--"+flag) {
				t.Errorf("%s --%s: error %v", name, flag, err)
			}
		}
		words := []string{name, "--message", "hello {i}", "--first-number", "7"}
		if _, err := parsePart(t.Context(), words, nil); err != nil && name != "churn" {
			t.Errorf("%s: %v", name, err)
		}
		j, err := parsePart(t.Context(), []string{name, "--host", "127.0.0.1", "--size", "32"}, nil)
		if err != nil || j.Net || !j.Gated || j.Run.Scenario != name || j.Run.Size != 32 {
			t.Errorf("%s: %+v, %v", name, j, err)
		}
	}
}
