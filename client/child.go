package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/fleet"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/internal/sys"
)

// said is what the process that does a job says: events, and then one answer.
type said struct {
	Event  *scenario.Event `json:",omitempty"`
	Answer *answer         `json:",omitempty"`
}

// child is a process of this program that does a job. Its end closes the pipe from
// it, and ours the pipe to it: then it closes its connections and ends, too.
type child struct {
	cmd    *exec.Cmd
	to     *os.File
	from   *os.File
	events chan scenario.Event
	said   *bytes.Buffer // on stderr, where nobody else reads that
	answer answer
	bad    error // there is no answer
	done   chan struct{}
	mu     sync.Mutex // of writing to
	// Of the kernel's killings: those before it started, and a way to count them.
	before proc.OOMKills
	kills  func() proc.OOMKills
}

// errNoAnswer is a process that ended without one: it crashed, or was killed.
var errNoAnswer = errors.New("another process of this program ended without an answer")

// start has another process do it.
func (j *job) start(stderr io.Writer) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own binary: %w", err)
	}
	j.Run.OwnNet = j.Net
	jobRead, jobWrite, err := os.Pipe()
	if err != nil {
		return nil, os.NewSyscallError("pipe2", err)
	}
	answerRead, answerWrite, err := os.Pipe()
	if err != nil {
		_, _ = jobRead.Close(), jobWrite.Close()
		return nil, os.NewSyscallError("pipe2", err)
	}
	c := &child{cmd: exec.Command(self, jobCommand), to: jobWrite, from: answerRead,
		events: make(chan scenario.Event, 1), said: &bytes.Buffer{}, done: make(chan struct{})}
	c.cmd.ExtraFiles = []*os.File{jobRead, answerWrite}
	if c.cmd.Stderr = stderr; j.Quiet {
		c.cmd.Stderr = c.said
	}
	if fp, err := proc.Here(); err == nil {
		c.kills, c.before = fp.OOMKills, fp.OOMKills()
	}
	if j.Net {
		c.cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: sys.NewNetwork}
	}
	err = sys.StartSlack(c.cmd, timerSlack)
	_, _ = jobRead.Close(), answerWrite.Close()
	if err != nil {
		_, _ = jobWrite.Close(), answerRead.Close()
		return nil, fmt.Errorf("start another process of this program: %w", err)
	}
	c.mu.Lock()
	go func() {
		defer c.mu.Unlock() // a gate is opened behind the job
		_ = json.NewEncoder(c.to).Encode(j)
	}()
	go c.listen()
	return c, nil
}

// listen takes what the process says until it ends.
func (c *child) listen() {
	defer close(c.done)
	defer close(c.events)
	from := json.NewDecoder(c.from)
	for {
		var s said
		if c.bad = from.Decode(&s); c.bad != nil {
			break
		}
		if s.Event != nil {
			latest(c.events, *s.Event)
		}
		if s.Answer != nil {
			c.answer = *s.Answer
			break
		}
	}
	_ = c.from.Close()
	err := c.cmd.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.to.Close()
	if c.bad != nil {
		c.bad = fmt.Errorf("%w: %w%s%s", errNoAnswer, cmp.Or(err, c.bad), c.outOfMemory(), lastLine(c.said.String()))
	}
}

// outOfMemory says of a process that was killed whether the kernel did it because
// memory had run out; "" where nothing says so.
func (c *child) outOfMemory() string {
	if c.cmd.ProcessState == nil {
		return ""
	}
	s, is := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !is || !s.Signaled() || s.Signal() != syscall.SIGKILL || c.kills == nil {
		return ""
	}
	return wordsOfKill(c.before, c.kills())
}

// wordsOfKill says what the kernel's killings between two moments have to do with a
// process that was killed.
func wordsOfKill(before, after proc.OOMKills) string {
	switch {
	case after.Group > before.Group:
		return ": memory of its control group had run out, and the kernel killed it (dmesg): raise the group's " +
			"limit, or give this machine fewer connections"
	case after.Machine > before.Machine:
		return ": memory had run out, and the kernel killed processes (dmesg): this one, as it seems; give this " +
			"machine fewer connections"
	}
	return ""
}

// latest puts v into a channel with room for one, in place of what nobody took.
func latest[T any](to chan T, v T) {
	for {
		select {
		case to <- v:
			return
		default:
		}
		select {
		case <-to:
		default:
		}
	}
}

// Events are where the run stands; who takes them slowly gets the latest. It is
// closed once the process has ended.
func (c *child) Events() <-chan scenario.Event { return c.events }

// Open opens a gate, at which the run stands or to which it will come.
func (c *child) Open(gate string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = json.NewEncoder(c.to).Encode(gate) // a process that has ended needs no gate
}

// Stop interrupts the run: it closes what it has opened and answers with what it has
// so far.
func (c *child) Stop() { _ = c.cmd.Process.Signal(os.Interrupt) }

// Kill ends a process that does not take an interrupt.
func (c *child) Kill() { _ = c.cmd.Process.Kill() }

// wait is what became of it.
func (c *child) wait() (*answer, error) {
	<-c.done
	switch a := &c.answer; {
	case c.bad != nil:
		return nil, c.bad
	case a.Error != "":
		return nil, &wordedError{a.Error, errorKinds[a.Kind]}
	case a.Result == nil && a.Limits == nil:
		return nil, errors.New("another process of this program answered without a result")
	default:
		return a, nil
	}
}

// Result is what the run came to, once Events is closed, and whether it fell short.
func (c *child) Result() (r *result.Result, short bool, err error) {
	a, err := c.wait()
	if err != nil {
		return nil, false, err
	}
	return a.Result, a.Short, a.Result.Check()
}

// parsePart reads the command line of a run that is one agent's part of a fleet's. It
// may name nothing that would be read, written or changed on the agent's machine: that
// is refused before anything of it is looked at. The files that it names have come with it.
func parsePart(ctx context.Context, line []string, came fleet.Files) (job, error) {
	if len(line) == 0 || !kindNamed(line[0]).isShared() {
		return job{}, cli.Usage("%.100q is no run that agents share: want %s", strings.Join(line, " "),
			anyOf(kind.isShared))
	}
	refused := slices.Concat(notForAgents, flagsOf(line[0]).Standing("FILE", "CMD"))
	for _, word := range line {
		name, isFlag := strings.CutPrefix(word, "--")
		name, _, _ = strings.Cut(name, "=")
		if _, is := came[name]; isFlag && !is && slices.Contains(refused, name) {
			return job{}, cli.Usage("--%s: no flag for agents: they read and write no files and change no settings",
				name)
		}
	}
	if came == nil {
		came = fleet.Files{}
	}
	j, c, err := parseJob(ctx, line, came)
	if err != nil {
		return job{}, err
	}
	if j.Net || j.Server != nil { // whatever flag it was
		return job{}, cli.Usage("agents make no network namespace and start no server")
	}
	j.Quiet, j.Gated, j.Tells, j.Histograms = true, true, true, c.given(liveHistograms)
	return j, nil
}

// notForAgents are what an agent refuses: the coordinator's flags, and what would
// change the agent's machine.
var notForAgents = slices.Concat(coordinators, []string{"sysctl", "server", "tw-reuse", "port-range", "max-tw",
	"matrix"})

// teller says where a run stands to who gave the job, and waits at gates. Who gave
// it may be slow, or stopped: the run does not wait for that, and what was not taken
// is replaced by what is newer.
type teller struct {
	to         *json.Encoder
	histograms bool
	next       chan scenario.Event
	sent       chan struct{}
	seq        uint64

	mu     sync.Mutex
	opened map[string]bool
	moved  chan struct{} // closed and made anew when a gate opens
}

func newTeller(to io.Writer, tells, histograms bool) *teller {
	t := &teller{to: json.NewEncoder(to), histograms: histograms, sent: make(chan struct{}),
		opened: map[string]bool{}, moved: make(chan struct{})}
	if !tells {
		close(t.sent)
		return t
	}
	t.next = make(chan scenario.Event, 1)
	go func() {
		defer close(t.sent)
		for e := range t.next {
			if t.to.Encode(said{Event: &e}) != nil {
				return // the end of the pipe to us ends the run
			}
		}
	}()
	return t
}

// watch is told how the run goes.
func (t *teller) watch(s scenario.Progress) {
	if t.next == nil {
		return
	}
	t.seq++
	latest(t.next, s.Event(t.seq, t.histograms))
}

// end is the answer, after the last event.
func (t *teller) end(a answer) error {
	if t.next != nil {
		close(t.next)
	}
	<-t.sent
	return t.to.Encode(said{Answer: &a})
}

func (t *teller) open(gate string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.opened[gate] = true
	close(t.moved)
	t.moved = make(chan struct{})
}

// gate waits until the gate of a phase is open.
func (t *teller) gate(ctx context.Context, phase string) error {
	for {
		t.mu.Lock()
		open, moved := t.opened[phase], t.moved
		t.mu.Unlock()
		if open {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
