package loadgen

import (
	"sync"
	"sync/atomic"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/tcp"
	"github.com/c10m/c10m/internal/ws"
)

// shared is what all threads of an engine read; only the flags change.
type shared struct {
	to       []plan.Dest    // the plan's destinations
	dest     []sys.Addr     // of each of them
	requests []*ws.Template // of each, nil where TCP is spoken
	opcode   byte           // of WebSocket messages: binary or text
	src      []sys.Addr     // where to connect from; of two families those of IPv4
	srcV6    []sys.Addr     // then those of IPv6
	inRange  bool           // the kernel may choose a port of dest as a local one
	wide     bool           // tell each socket the whole local port range
	pattern  pattern
	secret   tcp.Secret // of initial sequence numbers, where the client speaks TCP itself
	threads  sync.WaitGroup
	waking   sync.Mutex
	wake     int          // eventfd, the same number in every fd table; -1 once it is closed
	stopRamp atomic.Bool  // no more connects
	stopDown atomic.Bool  // no more closes on a way down
	stopEx   atomic.Bool  // no more messages
	asked    atomic.Int64 // requests for what threads show
	leave    atomic.Bool  // do not close connections one by one: the fd tables' end will
	reason   atomic.Pointer[string]
	answer   atomic.Pointer[Answer] // that made the first connection fail

	said       said
	broadcasts *broadcasts // nil: nothing is heard but echoes
	tlsShared
}

// halt stops the ramp of all threads; the first reason stays.
func (s *shared) halt(reason string) {
	s.reason.CompareAndSwap(nil, &reason)
	s.stopRamp.Store(true)
}

// signal wakes all threads.
func (s *shared) signal() {
	s.waking.Lock()
	defer s.waking.Unlock()
	if s.wake >= 0 {
		sys.Signal(s.wake)
	}
}

// closeWake closes the eventfds: other files may have their numbers from now on.
func (s *shared) closeWake() {
	s.waking.Lock()
	defer s.waking.Unlock()
	for _, fd := range append(s.bells, s.wake) {
		sys.Close(fd)
	}
	s.wake = -1
}
