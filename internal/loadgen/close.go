package loadgen

const (
	// workBurst is how many sends or closes are done between two polls.
	workBurst = 64
	// closePoll is how long a poll waits for answers to close frames, microseconds.
	closePoll = 10_000
)

// closeAll is the workload that ends all connections, from the last slot down.
type closeAll struct {
	holding
	cs    *conns
	next  int64 // slots from here on are done
	swept uint32
}

func newCloseAll(cs *conns) *closeAll { return &closeAll{cs: cs, next: int64(len(cs.list))} }

func (x *closeAll) step() (wait int, done bool) {
	cs := x.cs
	leave := cs.shared.leave.Load()
	for i := 0; i < workBurst && x.next > 0 && cs.pending < cs.plan.Window && !leave; x.next-- {
		if cs.list[x.next-1].state == open {
			cs.close(x.next - 1)
			i++
		}
	}
	switch {
	case leave:
		return 0, true
	case x.next == 0 && cs.pending == 0:
		cs.empty()
		return 0, true
	case x.next > 0 && cs.pending < cs.plan.Window:
		return 0, false
	}
	if now := cs.micros(); now-x.swept >= sweepEvery {
		x.swept = now
		for slot := range cs.list {
			cs.overdue(int64(slot), now)
		}
	}
	return closePoll, false
}
