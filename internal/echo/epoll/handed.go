package epoll

import "github.com/c10m/c10m/internal/sys"

// Where loops share the process's fd table, a connection may be served by another loop
// than the one that has accepted it. And this engine may be one of several worker
// processes, each with a limit of connections: a full worker passes connections on to
// others (echo.Config.PassOn, Handed). Loops with fd tables of their own need no such
// thing, because there is always another table.

// handed is a connection that another loop or engine has accepted.
type handed struct {
	fd, port int
	done     chan<- struct{} // closed once it is admitted or refused; nil: nobody waits
}

// The kernel deals connections over the loops by a hash, so that of 10,000 one of two may
// have 5,100. A loop that is ahead gives some of what it accepts next to the emptiest.
// Where loops have fd tables of their own they hold so many that chance evens out.
const (
	weighEvery = 32  // connections that the loop has accepted
	minLead    = 8   // so many connections more than the emptiest are no lead ...
	leadPart   = 128 // ... and neither is this part of what that one holds
	inboxSize  = 16  // connections that wait for a loop
)

// weigh compares the loop with the emptiest one, and decides how many of the next
// connections that one is to have. Others may be giving it theirs.
func (l *loop) weigh() {
	a := &l.accepts
	others := int64(len(l.eng.lanes) - 1)
	if l.eng.private || others < 1 || a.accepted-a.weighed < weighEvery {
		return
	}
	a.weighed = a.accepted
	a.lighter = l.eng.emptiest()
	its := a.lighter.open.Load()
	lead := l.open.Load() - its
	if a.excess = 0; lead > max(minLead, its/leadPart) {
		a.excess = min(lead/2, max(1, weighEvery/others))
	}
}

// giveAway has the emptiest loop serve a connection, if the loop is ahead of it.
func (l *loop) giveAway(fd, port int) bool {
	a := &l.accepts
	if a.excess == 0 || l.eng.leaving.Load() {
		return false
	}
	select {
	case a.lighter.inbox <- handed{fd: fd, port: port}:
		a.excess--
		l.gave = true
		return true
	default: // it has enough to do
		return false
	}
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
		case <-done: // the loop that has it closes it at its own end, or the engine does
		}
	})
}

// emptiest is the loop that holds the fewest connections, of those that are ready.
func (e *engine) emptiest() (best *loop) {
	for _, a := range e.lanes {
		a.mu.Lock()
		for _, l := range a.loops {
			if best == nil || l.open.Load() < best.open.Load() {
				best = l
			}
		}
		a.mu.Unlock()
	}
	return best
}

// takeHanded serves connections that other loops have accepted, or other workers.
func (l *loop) takeHanded() {
	for {
		select {
		case h := <-l.inbox:
			l.admit(h.fd, h.port)
			if h.done != nil {
				close(h.done)
			}
		default:
			return
		}
	}
}

// dropHanded resets what has been handed to loops that have ended meanwhile.
func (e *engine) dropHanded() {
	for _, a := range e.lanes {
		for _, l := range a.loops {
			for len(l.inbox) > 0 {
				reset((<-l.inbox).fd)
			}
		}
	}
}
