package epoll

import "github.com/c10m/c10m/internal/sys"

// Where loops share the process's fd table, this engine may be one of several worker
// processes, each with a limit of connections: a full worker passes connections on to
// others (echo.Config.PassOn, Handed). Loops with fd tables of their own need no such
// thing, because there is always another table.

// handed is a connection that another engine has accepted.
type handed struct {
	fd, port int
	done     chan<- struct{} // closed once it is admitted or refused
}

// receive takes connections that others have no room for, until done.
func (e *engine) receive(done <-chan struct{}) {
	ports := make(map[int]int, len(e.core.Ports))
	for i, p := range e.core.Ports {
		ports[p.Number] = i
	}
	e.core.Handed(done, func(fd int) {
		number, errno := sys.LocalPort(fd)
		port, known := ports[number]
		if errno != 0 || !known {
			sys.Close(fd) // its peer has gone already
			return
		}
		served := make(chan struct{})
		select {
		case e.emptiest().inbox <- handed{fd, port, served}:
			e.signal()
		case <-done:
			sys.Close(fd)
			return
		}
		select {
		case <-served:
		case <-done: // the loop that has it closes it at its own end
		}
	})
}

// emptiest is the loop that holds the fewest connections.
func (e *engine) emptiest() *loop {
	best := e.lanes[0].loops[0]
	for _, a := range e.lanes[1:] {
		if a.loops[0].open.Load() < best.open.Load() {
			best = a.loops[0]
		}
	}
	return best
}

// takeHanded serves connections that other workers have passed on.
func (l *loop) takeHanded() {
	for {
		select {
		case h := <-l.inbox:
			l.admit(h.fd, h.port)
			close(h.done)
		default:
			return
		}
	}
}
