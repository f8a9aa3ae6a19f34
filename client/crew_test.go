package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
)

// sailors are three agents: one that holds, one that was lost, one that has said
// nothing yet.
func sailors() crew {
	h := result.NewHistogram()
	h.Record(5_000_000)
	said := func(open int64) *scenario.Event {
		return &scenario.Event{Conns: result.Conns{Attempted: 105, Established: 100, Failed: 5,
			Errors: result.ErrorCounts{"connect_refused": 5}}, Open: open, Received: 7, CPU: time.Second,
			MemoryLeft: uint64(open) << 20, Connect: h.Summary()}
	}
	return crew{Phase: "hold", Proto: "tcp", Elapsed: time.Minute, Target: 400,
		Agents: []crewman{{Name: "oslo", State: "hold", Event: said(100)},
			{Name: "lima", State: "lost", Lost: true, Event: said(90)}, {Name: "rome", State: "start"}}}
}

func TestCrewAddsUp(t *testing.T) {
	c := sailors()
	want := report.Progress{Phase: "hold", Elapsed: time.Minute, Established: 200, Target: 400, Failed: 10, Lost: 90,
		Received: 14, MemoryLeft: 90 << 20}
	if got := c.progress(); got != want {
		t.Errorf("progress %+v, want %+v", got, want)
	}
	s := c.sample()
	if s.Open != 100 || s.Errors[result.AgentLost] != 90 || s.Errors["connect_refused"] != 10 ||
		s.Run.Connect.Count != 2 || s.Run.By[0].Upgrade != nil || len(s.Shards) != 3 ||
		s.Shards[1].Open != 0 || s.Shards[1].Name != "lima" || s.Shards[1].State != "lost" {
		t.Errorf("sample %+v, run %+v", s, s.Run)
	}
	if c.Agents[1].Event.Conns.Errors[result.AgentLost] != 0 {
		t.Error("what the agent has said was changed")
	}
}

// The live page and /metrics show the fleet and each agent.
func TestFleetOnThePage(t *testing.T) {
	fp, err := proc.Here()
	if err != nil {
		t.Fatal(err)
	}
	p, err := openPage("127.0.0.1:0", 0, fp)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	p.serveFleet("hold of tcp", 400, sailors)
	get := func(path string) string {
		r, err := http.Get("http://" + p.socket.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Body.Close() }()
		b, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v, status %d: %s", path, err, r.StatusCode, b)
		}
		return string(b)
	}
	text := get("/metrics")
	for _, want := range []string{`c10m_client_agent_connections{agent="oslo"} 100`,
		`c10m_client_agent_connections{agent="lima"} 0`, `c10m_client_agent_state{agent="lima",state="lost"} 1`,
		`c10m_client_agent_cpu_seconds_total{agent="oslo"} 1`, `c10m_client_connections{proto="tcp"} 100`,
		`c10m_client_errors_total{cause="lost",phase="agent"} 90`,
		`c10m_client_connect_seconds_count{proto="tcp"} 2`, `c10m_client_connections_target 400`} {
		if !strings.Contains(text, want) {
			t.Errorf("/metrics has no %s", want)
		}
	}
	if strings.Contains(text, "c10m_client_thread") {
		t.Error("/metrics has threads of a fleet")
	}
}
