package scenario

import (
	"os"
	"time"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
)

// Event is where a run stands, for another process or machine: all of it each time,
// so that one that is lost costs nothing.
type Event struct {
	Seq        uint64        `json:"seq"` // grows
	Phase      string        `json:"phase"`
	Gate       string        `json:"gate,omitempty"` // it waits at that gate
	Elapsed    time.Duration `json:"elapsed_ns"`
	Plan       result.Plan   `json:"plan"` // of this part
	Conns      result.Conns  `json:"conns"`
	Open       int64         `json:"open"`
	Sent       int64         `json:"sent,omitempty"`
	Received   int64         `json:"received,omitempty"`
	Missing    int64         `json:"missing,omitempty"`
	Mismatched int64         `json:"mismatched,omitempty"`
	Bytes      int64         `json:"bytes,omitempty"`
	MemoryLeft uint64        `json:"memory_left,omitempty"`
	CPU        time.Duration `json:"cpu_ns,omitempty"` // that the process has used
	// Since the run began, and whole, where that was asked for.
	Connect   *result.Latency `json:"connect,omitempty"`
	Handshake *result.Latency `json:"handshake,omitempty"`
	Echo      *result.Latency `json:"echo,omitempty"`
}

// Check says what cannot be in an event of another machine.
func (e *Event) Check() error {
	times := []int64{int64(e.Elapsed), int64(e.CPU)}
	for _, n := range append(times, e.Open, e.Sent, e.Received, e.Missing, e.Mismatched, e.Bytes) {
		if n < 0 {
			return fault(result.Warn("event_negative").Count("number", n), nil)
		}
	}
	return (&result.Result{Conns: e.Conns, Plan: e.Plan}).Check()
}

// Done grows as long as there is progress.
func (e *Event) Done() int64 {
	return e.Conns.Attempted + e.Conns.Established + e.Conns.Failed + e.Sent + e.Received + e.Conns.Established - e.Open
}

// Messages are what has been sent so far, and what came back.
func (e *Event) Messages() *result.Echo {
	return &result.Echo{Sent: e.Sent, Received: e.Received, Mismatched: e.Mismatched, Bytes: e.Bytes}
}

// Event is the same as data. Histograms cost a few kilobytes.
func (p *Progress) Event(seq uint64, histograms bool) Event {
	e := Event{Seq: seq, Phase: p.Phase, Gate: p.Gate, Elapsed: p.Elapsed, MemoryLeft: p.MemoryLeft}
	if p.Run != nil {
		e.Plan = planOf(p.Run)
	}
	e.CPU, _ = sys.ProcessCPU(os.Getpid())
	live := p.Live()
	t := &live.Tally
	e.Conns, e.Open = newConns(&t.Part), t.Open()
	e.Sent, e.Received, e.Missing, e.Mismatched, e.Bytes = t.Sent, t.Received, t.Missing, t.Mismatched, t.Bytes
	// A try under way is neither established nor failed, and a part that ends here
	// counts no other.
	e.Conns.Attempted = e.Conns.Established + e.Conns.Failed
	if histograms {
		e.Connect, e.Handshake, e.Echo = t.Connect.Summary(), t.Upgrade.Summary(), t.Echo.Summary()
	}
	return e
}
