//go:build chaos

package chaos

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/tests/rig"
)

// An attacker is a process of its own, this test binary run again, so that it
// neither shares the suite's scheduler nor its fd table. It runs with the lowest
// priority: on two cores its own appetite for processor time would otherwise be
// taken for the server's weakness.

// deed is what an attacker has done, in the JSON that its process writes.
type deed struct {
	Conns int64 // connections made
	Bytes int64 // sent
	Ended int64 // connections that the server ended
	Error string
}

// target is which ports an attacker attacks, with how many connections, until when.
type target struct {
	first, n int
	until    time.Time
	conns    int // at once
}

// addr is the i-th port, spread round robin.
func (t target) addr(i int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(t.first+i%t.n))
}

func (t target) over() bool { return time.Now().After(t.until) }

// attackers by name. Each returns when its time is over, and may leave connections open:
// they end with its process.
var attackers = map[string]func(target) deed{
	"storm":  storm,
	"rst":    rstFlood,
	"slow":   slowReaders,
	"bytes":  byteAtATime,
	"http":   httpOnTCP,
	"noise":  noise,
	"halves": halfClosed,

	"handshakes": handshakes,
	"garbage":    garbage,
	"headers":    hugeHeaders,
	"fragments":  func(t target) deed { return endless(t, frame(opContinue, 4096, make([]byte, 4096))) },
	"empties":    func(t target) deed { return endless(t, bytes.Repeat(frame(opContinue, 0, nil), 500)) },
	"pings":      pings,
	"frames":     badFrames,
	"closes":     closes,

	"forged": forgeSegments,
}

// attacker is the whole attacker's process: "name first n millis conns".
func attacker(order string) int {
	var name string
	var first, n, millis, conns int
	if _, err := fmt.Sscan(order, &name, &first, &n, &millis, &conns); err != nil || attackers[name] == nil {
		fmt.Fprintf(os.Stderr, "attacker: %q: %v\n", order, err)
		return 2
	}
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, 19)
	d := attackers[name](target{first: first, n: n, until: time.Now().Add(time.Duration(millis) * time.Millisecond),
		conns: conns})
	if err := json.NewEncoder(os.Stdout).Encode(d); err != nil {
		return 1
	}
	// What is still open is closed all at once, with the process, on order.
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	return 0
}

// running is an attacker's process.
type running struct {
	done chan struct{} // closed when deed is complete
	deed deed
	end  func() // ends its process, and all its connections at once
}

func (r *running) atWork() bool {
	select {
	case <-r.done:
		return false
	default:
		return true
	}
}

// unleash starts the attacker.
func (h hostile) unleash(t *testing.T, s *rig.Server) *running {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	first, n := s.First, s.N
	if h.ws {
		first, n = s.WS, s.NWS
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d %d %d", attack, h.attack, first, n,
		lasting(h.short, time.Minute).Milliseconds(), h.conns))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &running{done: make(chan struct{})}
	go func() {
		if err := json.NewDecoder(out).Decode(&r.deed); err != nil {
			r.deed.Error = err.Error()
		}
		close(r.done)
	}()
	r.end = sync.OnceFunc(func() {
		_ = in.Close()
		<-r.done
		_ = cmd.Wait()
	})
	t.Cleanup(r.end)
	return r
}
