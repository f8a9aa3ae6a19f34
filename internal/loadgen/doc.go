// Package loadgen is the client's engine: it opens the connections of a plan,
// holds them, sends messages over them, verifies what comes back, and counts.
//
//	e, err := loadgen.Start(p, 64) // p is a plan.Plan, 64 the largest message
//	e.Ramp(ctx)                    // establish its connections
//	e.Exchange(ctx, loadgen.Exchange{Size: 64, PerConn: 1, Drain: time.Second})
//	e.Close(ctx)
//	tally, err := e.Stop()
//
// # Who does what
//
// A thread is a locked OS thread with its own share of the connections; nothing
// of it is shared until it stops, but what it publishes. It takes orders from the
// Engine and carries them out in steps, and polls in between.
//
//	Engine        orders for all threads, sums of what they counted
//	  thread      one order at a time: a workload's steps, polls, what it publishes
//	    workload  ramp | rampDown | exchange | churn | closeAll: what to begin
//	    reconnect the policy for connections that were lost
//	    pings     the policy that keeps idle WebSocket connections alive, if asked for
//	    conns     the state machine of each connection
//	    messages  what is under way on the open ones, and what must come back
//	    hears     what a server that is no echo says: greetings, answers, pushes
//	    frames    WebSocket: handshakes and frames around the messages
//	    transport bytes and the ends of connections: sockets | TLS over sockets | packets
//
// Calls go down; events come up from the transport, within its poll, to conns,
// which tells the workload: opened, answered, lost, closed.
//
// # What a connection costs
//
// A connection is its slot, an index into flat arrays that hold no pointers and
// lie outside the Go heap: 8 bytes of state (conn), 16 more that are touched only
// once it has a message (talk), and what the transport keeps, 4 bytes for a
// socket. There is no map entry, timer, buffer or closure for any of them, and a
// message allocates nothing. What is needed now and then (half a frame header, a
// pong that waits) is in small maps that are empty else.
//
// A secured connection has more: a tls.Conn without its buffers, 3.4 KB on the heap,
// and no goroutine once its handshake is over. Only where TLS is on is there anything
// of it.
//
// Messages are places in one shared pattern: they are sent without a copy and
// verified without a buffer. A user's own are rendered each time that they are looked
// at, and kept nowhere. A server that is no echo takes 40 bytes more a connection
// (hearing), and a table of one size that recognizes broadcasts.
//
// # Where to change what
//
//	a cause      a row in cause.go, and its cure in package report's cures.go
//	a workload   a file with its type, its kind in thread.go, its method of Engine
//	a transport  a file with its type, a line in newTransport
//	a message    messages.go: message is what is sent, awaited what must come back
//	an answer    said.go: expectation, and hears.end, which tells answers from pushes
//
// # What it never does
//
// It prints nothing, decides nothing that is "auto" (package scenario does), and
// knows no server.
package loadgen
