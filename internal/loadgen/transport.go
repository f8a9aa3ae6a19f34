package loadgen

import "github.com/c10m/c10m/internal/plan"

// transport carries the bytes of one thread's connections, by slot. Only its
// thread calls it, and it calls nobody but its receiver, from within poll.
//
// A transport keeps what it needs of a connection in flat arrays of its own; no
// call allocates. A layer of encryption would be a transport too, around another
// one whose receiver it is.
type transport interface {
	// start is called first, in the thread, once the thread's fd table is its own.
	// Each signal of the eventfd wake must end a poll.
	start(wake int, to receiver) error
	// open begins a connect. noCause: it is under way, and connected or ended
	// follows. Any other cause: it failed, and nothing follows. It is never called
	// from within poll: no slot is reused while a batch of events is told.
	open(slot int64) cause
	// send takes bytes of p and says how many. If not all, then writable follows,
	// or ended: what the peer said before it went is told first.
	send(slot int64, p []byte) int
	// noDelay sends from now on what there is, without waiting for an ACK.
	noDelay(slot int64)
	// close lets go of a connection: FIN behind what send took, or RST. Nothing is
	// told of it any more. A slot without a connection is left alone.
	close(slot int64, reset bool)
	// poll waits for at most timeout microseconds (-1: for ever) and tells the
	// receiver a bounded batch of what came, so that orders have their turn.
	poll(timeout int) error
	// calls is how many system calls it made for messages so far: waits, reads and
	// sends.
	calls() int64
	// stop lets go of everything. private: the thread's fd table ends with it, and
	// what is in there need not be closed.
	stop(private bool)
}

// receiver is told what comes over a transport. It may call the transport while
// it is told, but for open.
type receiver interface {
	connected(slot int64)
	// received hands over bytes in their order; they are the transport's, and valid
	// until it returns.
	received(slot int64, in []byte)
	// writable says that there may be room again.
	writable(slot int64)
	// ended is the peer's end, a reset, an error, or a connect that failed. The
	// transport has let go of the connection by then.
	ended(slot int64, why cause)
}

// newTransport makes the transport of one thread.
func newTransport(s *shared, part plan.Plan) (transport, error) {
	if part.Packets.On() {
		return newPackets(s, part), nil
	}
	return newSockets(s, part)
}
