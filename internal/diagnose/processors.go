package diagnose

import (
	"fmt"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// softirqBound: one core does the network's work for all.
func softirqBound(w *Window) []result.Finding {
	top, at, sum := 0.0, 0, 0.0
	each := w.cores()
	for i, c := range each {
		sum += c.softirq
		if c.softirq > top {
			top, at = c.softirq, i
		}
	}
	if top < 0.6 {
		return nil
	}
	f := result.Finding{Name: SoftirqBound, Severity: 79,
		Evidence: fmt.Sprintf("core %d spends %s of its time in soft interrupts, all %d cores %s on average", at, unit.WholePercent(top), len(each), unit.WholePercent(sum/float64(len(each)))),
		Meaning:  "Packets are handled in soft interrupts, on the core that took the interrupt, before any program sees them.",
		Cure:     "spread the network card's queues over the cores (ethtool -L, RPS: /sys/class/net/*/queues/rx-*/rps_cpus)"}
	return one(f)
}

// busyMark is the share of all processors' time from which they are called busy.
const busyMark = 0.92

// processorsBusy: nothing is left to compute with; and who has it.
func processorsBusy(w *Window) (found []result.Finding) {
	each := w.cores()
	if len(each) == 0 {
		return nil
	}
	var all, soft, stolen float64
	for _, c := range each {
		all, soft, stolen = all+c.all, soft+c.softirq, stolen+c.stolen
	}
	n := float64(len(each))
	if stolen/n >= 0.1 {
		found = append(found, result.Finding{Name: Stolen, Severity: 76, Evidence: fmt.Sprintf("%s of the time was stolen", unit.WholePercent(stolen/n)),
			Meaning: "This is a virtual machine and its host gives the processors to others.", Cure: "another host, or an instance type with processors of its own"})
	}
	if (all+stolen)/n < busyMark {
		return found
	}
	has := w.whoHas()
	f := result.Finding{Name: ProcessorsBusy, Severity: 72,
		Evidence: fmt.Sprintf("%d cores, %s busy: server %s, client %s, others %s; of all this, soft interrupts %s", len(each),
			unit.WholePercent(all/n), unit.WholePercent(has.server.run/n), unit.WholePercent(has.client.run/n), unit.WholePercent(has.others/n), unit.WholePercent(soft/n)),
		Meaning: "Threads wait for a processor: latency is the length of that queue.",
		Cure:    "more cores, or client and server on two machines; fewer messages or connections a second"}
	if s := w.Seen; s.Looks > 0 && s.Runnable > 0 {
		f.Evidence += fmt.Sprintf("; run queue: %s threads on average",
			unit.Significant(float64(s.Runnable)/float64(s.Looks)))
	}
	if server := has.server; server.want > 0 {
		f.Evidence += fmt.Sprintf("; the server was ready to run and waited for %s",
			cores(server.want-server.run))
	}
	if has.otherPrograms > 0.4*all {
		f.Name, f.Severity = OthersBusy, 77
		f.Meaning = "Other programs of this machine take the processors; what is measured here is theirs as much as the server's."
		f.Cure = "end them (top), or measure on a machine that is idle"
	}
	return append(found, f)
}

// holders share the processors' busy time out, in cores: server, client and
// others add up to it.
type holders struct {
	server, client shares
	others         float64
	// otherPrograms is the least of others that other programs have.
	otherPrograms float64
}

// whoHas says who had the processors. Time in soft interrupts is no part of its
// own: by default the kernel charges a soft interrupt to the thread that it
// interrupts, or that sent the packet, so that it is in the threads' time
// already. A kernel with CONFIG_IRQ_TIME_ACCOUNTING takes it out of the threads'
// time again (update_rq_clock_task in kernel/sched/core.c), and then it is in
// others. Which kernel this is can be told only where threads and soft interrupts
// together come to more than there was.
func (w *Window) whoHas() (h holders) {
	var all, soft float64
	for _, c := range w.cores() {
		all, soft = all+c.all, soft+c.softirq
	}
	h.server = total(used(w.Before.Server, w.After.Server, w.seconds()))
	h.client = total(used(w.Before.Client, w.After.Client, w.seconds()))
	h.others = max(0, all-h.server.run-h.client.run)
	h.otherPrograms = h.others
	if h.server.run+h.client.run+soft <= all {
		h.otherPrograms = max(0, h.others-soft)
	}
	return h
}

func total(all []shares) (sum shares) {
	for _, s := range all {
		sum.run, sum.want = sum.run+s.run, sum.want+s.want
	}
	return sum
}

// threadBound: one thread works all the time while others do not. A thread
// that is ready to run and gets no processor counts as working.
func threadBound(w *Window) (found []result.Finding) {
	const full = 0.95
	for _, s := range used(w.Before.Server, w.After.Server, w.seconds()) {
		t := s.top()
		if t.want < full {
			continue
		}
		found = append(found, result.Finding{Name: ServerThread, Severity: 71,
			Evidence: fmt.Sprintf("thread %d (%s) of process %d (%s) ran for %s of the time and waited for a processor for %s", t.TID, t.Name, s.PID, s.Name, unit.WholePercent(t.run), unit.WholePercent(t.want-t.run)),
			Meaning:  "What this thread does is done one after the other: more cores do not help.",
			Cure:     "more event loops or --workers, so that the work is spread"})
		break
	}
	clients := used(w.Before.Client, w.After.Client, w.seconds())
	server := total(used(w.Before.Server, w.After.Server, w.seconds()))
	for _, s := range clients {
		t := s.top()
		if t.want < full {
			continue
		}
		f := result.Finding{Name: ClientThread, Severity: 58,
			Evidence: fmt.Sprintf("a thread of the client ran for %s of the time and waited for a processor for %s; "+
				"the server had %s", unit.WholePercent(t.run), unit.WholePercent(t.want-t.run), cores(server.run)),
			Meaning: "The client works as fast as it can: what was measured may be the client's limit and not the server's.",
			Cure:    "more --threads, or more machines for the client"}
		found = append(found, f)
	}
	return found
}

// cores is how much of the processors several threads had or wanted together: a
// share of one core, or more than one.
func cores(n float64) string {
	if n < 0.995 {
		return unit.WholePercent(n) + " of a core"
	}
	return unit.Significant(n) + " cores"
}
