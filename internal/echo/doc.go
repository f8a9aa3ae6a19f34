// Package echo is the protocol of an echo server, TCP and WebSocket, and its
// admission of connections, independent of the event engine that brings the bytes.
// It never waits, never reads from a socket and starts no goroutine; only a TLS
// handshake borrows one of a bounded set (package secure).
//
// # What belongs to whom
//
// An engine (package gnet, package epoll) owns sockets and readiness: it
// listens, accepts, reads and closes. This package decides: who is admitted,
// what is sent back, whether to read on, when a connection has taken too long
// or too much memory, what each end is counted as. It writes what it has to say
// by send(2) itself, so that an engine need not know what was sent.
//
// # What an engine does
//
// An Engine gets a Core, takes one Loop of it for each of its event loops, and
// uses that on the thread of that event loop only:
//
//	l := core.Loop(i, conns)
//	...accept4(2):
//	if !l.Admit(port) { sys.Reset(fd); sys.Close(fd) } // refused and counted
//	s := l.Open(fd, port)                              // nil for TCP
//	...bytes were read:
//	s, next = l.Input(fd, port, s, buffer[:n])         // echoes in place
//	...EPOLLOUT:
//	s, next = l.Writable(fd, port, s)
//	...read(2) gave 0:
//	s, next = l.EOF(fd, port, s)
//	...the connection is over, for whatever reason:
//	l.Gone(fd, port, s)
//	...after each batch of events, if l.TickEvery() > 0, that often:
//	l.Tick()
//	...on the loop's thread, soon after Conns.Wake was called, by any goroutine:
//	l.Told()
//
// Next says how the connection goes on: which readiness to wait for, or that it
// ends. Where a call changes another connection than the one that it is about (a
// deadline has passed, the budget is overdrawn, a TLS handshake is done), the core
// tells the engine by Conns.Turn.
//
// # TLS
//
// With Config.TLS what Input is given is decrypted first, and what is sent is
// encrypted: an engine sees ciphertext and need not know (tls.go).
//
// # What a connection costs here
//
// Nothing while it is idle: its *Session is nil, unless it speaks TLS, or has agreed to
// compressed messages (permessage-deflate), which are echoed as they come. A Session
// comes from a pool and exists only during a handshake, inside a frame or a
// message, during a close, and while output waits for a peer that does not take
// it. So an engine can keep an idle connection in a few bytes of a flat array.
//
// # What bounds memory
//
// Everything that is kept for peers is charged to one Budget, which lies in
// memory shared by all loops and worker processes. How much output may wait for
// one peer before nothing more is read from it is a share of what is left of
// the budget (a dynamic threshold, as switches use for their shared buffers):
// there is much room for a peer that sends a large message before it begins to
// read, and none when many do. Who takes nothing for Config.Stall is dropped;
// and where the budget is overdrawn nevertheless, by parts of frames and
// handshakes, the largest and slowest are.
package echo
