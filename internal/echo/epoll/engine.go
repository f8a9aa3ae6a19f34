package epoll

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/sys"
)

// Overhead is how many fds of a table are not for connections: of each lane its
// listening sockets, an epoll instance, a connection that is being refused and those
// that wait for its loop, and what the rest of the process has open.
func Overhead(ports, lanes int) int64 { return int64(lanes*(ports+2+inboxSize)) + otherFDs }

const (
	// otherFDs of the process's own table: the control endpoint serves 64
	// connections at once, each of which may have a file of /proc open.
	otherFDs = 2*64 + 64
	// margin is what stays free of a loop's own table, which nobody else uses.
	margin = 8
)

// engine is one run of Serve.
type engine struct {
	core     *echo.Core
	nofile   int64  // what the fd limit lets a table hold
	private  bool   // each loop has an fd table of its own
	batch    bool   // more loops than cores may want to run
	shared   *table // of all loops, where they share the process's fd table
	lanes    []*lane
	wake     int // eventfd, the same number in every table
	crashed  chan error
	leaving  atomic.Bool
	threads  sync.WaitGroup
	crashing func() // of tests: called before each batch
}

// Serve runs the engine until ctx ends or a loop fails. It is an echo.Engine.
func Serve(ctx context.Context, core *echo.Core) error {
	nofile, err := sys.GetNofile()
	if err != nil {
		return err
	}
	return (&engine{core: core, nofile: int64(nofile.Soft)}).serve(ctx)
}

func (e *engine) serve(ctx context.Context) (err error) {
	e.crashed = make(chan error, 1)
	if e.wake, err = sys.Eventfd(); err != nil {
		return fmt.Errorf("create wake-up eventfd: %w", err)
	}
	if err := e.open(); err != nil {
		e.close()
		return err
	}
	if err := e.begin(); err != nil {
		e.end()
		return err
	}
	e.core.Ready()
	done := make(chan struct{})
	var receiving sync.WaitGroup
	if !e.private && e.core.Handed != nil {
		receiving.Go(func() { e.receive(done) })
	}
	select {
	case err := <-e.crashed:
		close(done)
		return err // the process is about to end, and must not wait for the other loops
	case <-ctx.Done():
	}
	e.core.Drain()
	close(done)
	receiving.Wait() // nothing is handed to a loop any more
	return e.end()
}

// others is how many fds beside the listening sockets may be open before connections
// come, as connections are kept by fd; each takes 16 bytes of address space.
const others = 1 << 16

// open makes what all loops share.
func (e *engine) open() error {
	cfg := &e.core.Config
	lanes := max(1, cfg.Loops)
	e.private = cfg.Limit+Overhead(len(cfg.Ports), lanes) > e.nofile
	e.batch = e.private || lanes > runtime.NumCPU()
	if e.private {
		// This many loops may share the budget of what is kept for peers.
		table := max(1, e.nofile-Overhead(len(cfg.Ports), lanes))
		cfg.Sharers *= int(cfg.Limit/table/int64(lanes)) + 1
		cfg.PassOn = nil // there is always another table, and nobody would take what is handed on
	} else {
		var err error
		// The kernel gives the lowest free fd, so no table needs more places than this,
		// whatever the fd limit, which may be a billion.
		most := cfg.Limit + 2*Overhead(len(cfg.Ports), lanes) + others
		if e.shared, err = newTable(min(e.nofile, most)); err != nil {
			return err
		}
	}
	for i := range lanes {
		a := &lane{id: i, eng: e}
		e.lanes = append(e.lanes, a)
		for _, p := range cfg.Ports {
			fd, err := sys.Listen(cfg.Bind, uint16(p.Number))
			if err != nil {
				return fmt.Errorf("listen on port %d: %w", p.Number, err)
			}
			a.listeners = append(a.listeners, fd)
			if cfg.KeepAlive > 0 { // a connection inherits it without a system call
				if errno := sys.NewKeepAlive(cfg.KeepAlive).Set(fd); errno != 0 {
					return os.NewSyscallError("setsockopt TCP keepalive", errno)
				}
			}
		}
	}
	return nil
}

// begin starts the first loop of each lane.
func (e *engine) begin() (err error) {
	first := make(chan error)
	for _, a := range e.lanes {
		a.starting = true
		e.threads.Add(1)
		l := newLoop(a)
		l.ready = first
		go l.run()
	}
	for range e.lanes {
		if failed := <-first; failed != nil && err == nil {
			err = fmt.Errorf("start event loop: %w", failed)
		}
	}
	return err
}

// end has the loops close their connections, waits for them, and releases everything.
func (e *engine) end() error {
	e.stopListening()
	e.signal()
	done := make(chan struct{})
	go func() {
		e.threads.Wait()
		close(done)
	}()
	select {
	case err := <-e.crashed:
		return err
	case <-done:
	}
	e.dropHanded()
	e.close()
	return nil
}

// stopListening calls shutdown(2) on the listening sockets, which holds in every fd
// table, and resets the connections in their accept queues. A loop that is about to
// accept gets EINVAL.
func (e *engine) stopListening() {
	e.leaving.Store(true)
	for _, a := range e.lanes {
		for _, fd := range a.listeners {
			sys.ShutdownRead(fd)
		}
	}
}

// fail ends the engine: a loop cannot go on.
func (e *engine) fail(err error) {
	select {
	case e.crashed <- err:
	default: // another was first
	}
}

// signal wakes all loops.
func (e *engine) signal() { sys.Signal(e.wake) }

// close releases what open has made. No loop runs any more.
func (e *engine) close() {
	for _, a := range e.lanes {
		for _, fd := range a.listeners {
			sys.Close(fd)
		}
	}
	if e.shared != nil {
		e.shared.release()
	}
	sys.Close(e.wake)
}
