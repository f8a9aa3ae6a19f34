package fleet

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// stint is one run of an agent: from its claim until it is released.
type stint struct {
	agent     *agent
	run, lead string
	beats     *nats.Subscription
	done      chan struct{} // released, or given up
	ended     chan struct{} // the part has ended; of none, when there can be none any more

	mu      sync.Mutex
	beat    time.Time // the last one
	state   State
	process Part
	started bool
	stopped bool // no part may start any more, or the one that runs is interrupted
	gone    bool // done is closed
	fetched bool // the last byte of the result was asked for
	opened  map[string]bool
	result  []byte
	files   map[string][]byte // as far as they have come; nil once the part has them
}

// newStint begins one, and sends its state until it is done.
func newStint(a *agent, c claim) (*stint, error) {
	j := &stint{agent: a, run: c.Run, lead: c.Lead, beat: time.Now(), opened: map[string]bool{},
		files: map[string][]byte{}, done: make(chan struct{}), ended: make(chan struct{}),
		state: State{Run: c.Run, Phase: "claimed"}}
	var err error
	j.beats, err = a.conn.nc.Subscribe(beatSubject(c.Run), func(*nats.Msg) {
		j.mu.Lock()
		j.beat = time.Now()
		j.mu.Unlock()
	})
	if err != nil {
		return nil, fmt.Errorf("listen to the coordinator: %w", err)
	}
	a.Say("claimed by " + c.Lead)
	go j.tell()
	return j, nil
}

// tell sends the state, and ends the run where the coordinator is silent.
func (j *stint) tell() {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	defer func() { _ = j.beats.Unsubscribe() }()
	for {
		j.send()
		select {
		case <-j.done:
			return
		case <-tick.C:
		}
		j.mu.Lock()
		silent := time.Since(j.beat)
		j.mu.Unlock()
		if silent > j.agent.Patience {
			j.end(fmt.Sprintf("no beat of the coordinator for %v", j.agent.Patience))
			return
		}
	}
}

func (j *stint) send() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.state.Seq++
	j.agent.send(j.state)
}

// over says whether the run no longer keeps the agent from another.
func (j *stint) over() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.gone && (!j.started || j.state.Ended)
}

// idle says whether no process of the run is left.
func (j *stint) idle() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return !j.started || j.state.Ended
}

var errStopped = errors.New("the run was ended")

// start starts the part, once; asked again it says yes.
func (j *stint) start(o order) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.stopped {
		return errStopped
	}
	if j.started {
		return nil
	}
	files, err := j.whole(o.Sums)
	if err != nil {
		return err
	}
	p, err := j.agent.Work.Start(o.Args, files)
	if err != nil {
		return err
	}
	j.files = nil
	j.started, j.process, j.state.Phase = true, p, "prepare"
	go j.follow(p)
	return nil
}

// follow keeps what the part says of itself.
func (j *stint) follow(p Part) {
	last := Event{Err: errors.New("its process ended without a result")}
	for e := range p.Events() {
		if e.Result != nil || e.Err != nil {
			last = e
			continue
		}
		j.note(e)
	}
	j.mu.Lock()
	j.state.Ended, j.state.Gate, j.state.Phase = true, "", "ended"
	if last.Err != nil {
		j.state.Error, j.state.Usage = clean(plain(last.Err), maxText), errors.Is(last.Err, ErrUsage)
		if !j.stopped {
			j.agent.Say("run failed: " + j.state.Error)
		}
	}
	if len(last.Result) > maxResult {
		j.state.Error = fmt.Sprintf("its result has %d bytes, at most %d are legal", len(last.Result), maxResult)
		last.Result = nil
	}
	if len(last.Result) > 0 {
		j.result, j.state.Size, j.state.Sum = last.Result, int64(len(last.Result)), sumOf(last.Result)
	}
	j.mu.Unlock()
	close(j.ended)
	j.send()
}

func (j *stint) note(e Event) {
	j.mu.Lock()
	s := &j.state
	urgent := e.Gate != s.Gate || e.Phase != "" && e.Phase != s.Phase
	if s.Gate = e.Gate; j.opened[e.Gate] {
		s.Gate = "" // said before it was opened
	}
	if e.Phase != "" {
		s.Phase = e.Phase
	}
	s.Done = max(s.Done, e.Done)
	if e.Plan != nil {
		s.Plan = e.Plan
	}
	if e.Sample != nil {
		s.Sample = e.Sample
	}
	j.mu.Unlock()
	if urgent {
		j.send()
	}
}

// open opens a gate after a while, once; asked again it says yes.
func (j *stint) open(gate string, after time.Duration) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.opened[gate]:
		return nil
	case gate == "" || j.state.Gate != gate:
		return fmt.Errorf("it does not stand at gate %q", gate)
	}
	j.opened[gate], j.state.Gate = true, ""
	p := j.process
	time.AfterFunc(after, func() { p.Open(gate) })
	return nil
}

// interrupt ends the part, which then has a partial result.
func (j *stint) interrupt(why string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.stopped {
		return
	}
	j.stopped = true
	if j.started && j.state.Ended {
		return
	}
	if why != "" {
		j.agent.Say("run ended: " + why)
	}
	if j.started {
		j.process.Stop()
	}
}

// quit sends no state any more.
func (j *stint) quit() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.gone {
		j.gone, j.files = true, nil // some are secrets, and the agent may be idle for days
		close(j.done)
	}
}

// endTime is how long a part may take to end before the agent leaves without it.
const endTime = 5 * time.Second

// end ends a run that the coordinator did not end: what there is of a result goes
// to a file.
func (j *stint) end(why string) {
	j.interrupt(why)
	j.mu.Lock()
	started := j.started
	j.mu.Unlock()
	if started {
		select {
		case <-j.ended:
		case <-time.After(endTime):
		}
	}
	j.mu.Lock()
	if j.state.Error == "" {
		j.state.Error = why
	}
	j.state.Ended, j.state.Gate = true, ""
	kept := j.result
	if j.fetched || j.gone || len(j.opened) == 0 { // nobody wants it, or there is nothing in it
		kept = nil
	}
	j.mu.Unlock()
	if len(kept) > 0 {
		if file, err := j.agent.Keep(j.run, kept); err != nil {
			j.agent.Say(fmt.Sprintf("keep the result so far: %v", err))
		} else {
			j.agent.Say("the result so far is in " + file)
		}
	}
	j.send()
	j.quit()
}

// part is what an order for a part of the result gets.
func (j *stint) part(from int64) answer {
	j.mu.Lock()
	defer j.mu.Unlock()
	size := int64(len(j.result))
	if from > size {
		return answer{Error: fmt.Sprintf("the result has %d bytes", size)}
	}
	to := min(size, from+partSize)
	j.fetched = j.fetched || to == size
	return answer{Size: size, Part: j.result[from:to]}
}
