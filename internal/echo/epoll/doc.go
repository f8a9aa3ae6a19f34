// Package epoll is the server's own engine on raw epoll(7). It owns sockets, epoll
// instances, fd tables and threads, and brings bytes and readiness to the echo core,
// which decides what is done with them.
//
//	err := echo.Serve(ctx, epoll.Serve, cfg, counters)
//
// A loop is a locked OS thread. As many as there are cores accept at a time,
// each with a listening socket for every port. Where RLIMIT_NOFILE is too low for
// all connections, loops take private fd tables, and one whose table is full
// passes the listening sockets on to the next: so one process holds any number of
// connections, and starts no more threads than these need. Loops that share a table give
// each other connections, so that each holds as many.
//
// A loop waits in the kernel, without Go's scheduler taking its processor away and giving
// it back: it has one of its own (sys.Seat). That takes a program whose other threads'
// timers are relaxed (sys.RelaxTimers); else the runtime's monitor thread is as busy as
// the loops.
//
// An idle connection is 16 bytes in an array outside the Go heap, TCP or
// WebSocket; it has a session of the core's only while something is under way.
// Nothing is allocated for a message or for an accepted connection. Memory is
// given back when connections have closed.
//
// Connections are watched edge-triggered for EPOLLIN and EPOLLRDHUP, and for EPOLLOUT
// while something waits to be sent. So no readiness that a read does not clear, like
// that of urgent data (EPOLLPRI), can keep a loop awake.
//
// A loop that panics ends the engine with an error, and its stack is logged: a
// process that has lost a loop must not look healthy.
package epoll
