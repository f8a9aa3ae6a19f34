package loadgen

import (
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/secure"
)

// transport carries the bytes of one thread's connections, by slot. Only its
// thread calls it, and it calls nobody but its receiver, from within poll.
//
// A transport keeps what it needs of a connection in flat arrays of its own; no
// call allocates. The layer of encryption is a transport too, around another one
// whose receiver it is.
type transport interface {
	// start is called first, in the thread, once the thread's fd table is its own.
	// Each signal of one of the eventfds wakes must end a poll.
	start(wakes []int, to receiver) error
	// open begins a connect. noCause: it is under way, and connected or ended follows.
	// Any other cause: it failed, and nothing follows. It is never called from within
	// poll, so no slot is reused while a batch of events is delivered.
	open(slot int64) cause
	// send accepts bytes of p and returns how many. If not all, then writable follows,
	// or ended; what the peer sent before it ended is delivered first.
	send(slot int64, p []byte) int
	// noDelay makes it send at once from now on, without waiting for an ACK
	// (TCP_NODELAY).
	noDelay(slot int64)
	// close ends a connection: FIN after what send accepted, or RST. No more events of
	// it are delivered. A slot without a connection is ignored.
	close(slot int64, reset bool)
	// poll waits for at most timeout microseconds (-1: for ever) and delivers a
	// bounded batch of events to the receiver, so that commands have their turn.
	poll(timeout int) error
	// calls is how many system calls it made for messages so far: waits, reads and
	// sends.
	calls() int64
	// stop releases everything. private: the thread's fd table ends with it, and its
	// fds need not be closed.
	stop(private bool)
}

// receiver gets the events of a transport. From within them it may call the
// transport, except open.
type receiver interface {
	// connected: data can be sent.
	connected(slot int64)
	// received delivers bytes in order; they belong to the transport and are valid
	// until it returns.
	received(slot int64, in []byte)
	// writable says that there may be room again.
	writable(slot int64)
	// ended is the peer's end, a reset, an error, or a failed connect. The transport
	// has released the connection by then.
	ended(slot int64, why cause)
}

// tlsReceiver gets what TLS has to say beside the events.
type tlsReceiver interface {
	receiver
	// reached: TCP is connected, and is being secured now.
	reached(slot int64)
	// agreed: it is secured, which took so many microseconds from the ClientHello on;
	// connected follows.
	agreed(slot int64, took uint64, on secure.Agreed, resumed bool)
	// because: what went wrong, in words; ended follows.
	because(slot int64, why cause, err error)
}

// ownTCP is a transport that speaks TCP itself.
type ownTCP interface {
	transport
	// empty gives back the memory of connections, which are all closed.
	empty()
	// counted is what it counted, once it has stopped.
	counted() result.Packets
}

// newTransport makes the transport of one thread.
func newTransport(s *shared, part plan.Plan) (transport, error) {
	if part.Packets.On() {
		return newPackets(s, part), nil
	}
	inner, err := newSockets(s, part)
	if err != nil || !part.TLS.On {
		return inner, err
	}
	secured, err := newTLS(s, part, inner)
	if err != nil {
		inner.stop(false)
	}
	return secured, err
}
