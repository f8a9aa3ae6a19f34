package secure

import (
	"os"
	"sync"
	"time"
)

// Pool bounds how many handshakes are under way at once, each of which has a goroutine;
// the others are queued and begin in their order. Of those under way only as many
// compute at a time as it is given processors, so that the event loops get their turn;
// the rest are parked until their peers send something, or wait to compute again.
type Pool struct {
	most       int           // handshakes that may be under way
	patience   time.Duration // how long a parked one may stay while others are queued; 0: for ever
	processors int           // handshakes that may compute

	mu        sync.Mutex // over all below
	computing int        // handshakes that compute
	underWay  int        // handshakes that have begun and are not over
	queued    queue      // not begun yet
	resumed   queue      // under way, waiting to compute again
	parked    queue      // under way, waiting for their peers
	leaving   int        // under way, and given up by crowded
	timer     *time.Timer
}

// NewPool makes a pool of at most most handshakes at once, as many of which compute as it
// is given processors. While others are queued, a handshake whose peer has sent nothing
// for patience is given up, the most silent one first, with os.ErrDeadlineExceeded as its
// error: so silent peers cannot keep others out. With patience 0 none is given up.
func NewPool(most, processors int, patience time.Duration) *Pool {
	return &Pool{most: most, processors: processors, patience: patience}
}

// Handshake begins the handshake of c, or queues it. On another goroutine it calls tell
// whenever Out has something, and done once, at the end, when Out may have something,
// too. Both must return soon; they may take locks of the caller's, but must not call
// methods of c.
func (p *Pool) Handshake(c *Conn, tell func(), done func(error)) {
	j := &job{pool: p, conn: c, tell: tell, done: done, wake: make(chan struct{}, 1)}
	c.wire.begin(j)
	p.mu.Lock()
	p.queued.push(j)
	p.next()
	quit := p.crowded()
	p.mu.Unlock()
	quit.giveUp()
}

// Running is how many handshakes are under way, and how many wait to begin.
func (p *Pool) Running() (running, waiting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.underWay, p.queued.n
}

// next lets as many handshakes compute as may: first those under way, then queued ones.
// p.mu is held.
func (p *Pool) next() {
	for p.computing < p.processors {
		switch {
		case p.resumed.n > 0:
			p.computing++
			p.resumed.pop().wake <- struct{}{}
		case p.queued.n > 0 && p.underWay < p.most:
			p.computing++
			p.underWay++
			go p.run(p.queued.pop())
		default:
			return
		}
	}
}

// crowded returns the handshake that is to be given up for a queued one: that whose
// peer has been silent for longest, if that is longer than patience. If it is not yet,
// crowded looks again by a timer when it will be. p.mu is held, but no lock of a Conn;
// the caller calls giveUp on the result once it has released p.mu.
func (p *Pool) crowded() *job {
	if p.patience == 0 || p.underWay < p.most || p.parked.n == 0 || p.leaving >= p.queued.n {
		return nil
	}
	left := p.patience - time.Since(p.parked.first.since)
	if left <= 0 {
		j := p.parked.pop()
		j.leaving = true
		p.leaving++
		return j
	}
	if p.timer == nil {
		p.timer = time.AfterFunc(left, func() {
			p.mu.Lock()
			p.timer = nil
			p.next()
			quit := p.crowded()
			p.mu.Unlock()
			quit.giveUp()
		})
	}
	return nil
}

// run is a goroutine that does one handshake after another, as long as one may begin.
func (p *Pool) run(j *job) {
	for j != nil {
		j.done(j.run())
		j = p.after(j)
	}
}

// after removes a handshake that is over and returns the next one for this goroutine;
// nil if the goroutine is to end.
func (p *Pool) after(over *job) (j *job) {
	p.mu.Lock()
	p.computing--
	p.underWay--
	if over.leaving {
		p.leaving--
	}
	if p.resumed.n == 0 && p.queued.n > 0 && p.underWay < p.most {
		p.computing++
		p.underWay++
		j = p.queued.pop()
	}
	p.next()
	quit := p.crowded()
	p.mu.Unlock()
	quit.giveUp()
	return j
}

// job is one handshake.
type job struct {
	pool *Pool
	conn *Conn
	tell func()
	done func(error)
	wake chan struct{} // receives when it may compute again

	asleep bool      // it waits for its peer; conn.wire.mu is over it
	since  time.Time // when that began

	// pool.mu is over these.
	leaving    bool
	in         *queue
	prev, next *job
}

// run does the handshake.
func (j *job) run() error {
	c := j.conn
	err := c.wire.dropped()
	if err == nil {
		err = c.tls.Handshake()
	}
	c.wire.finish(c.settle(), err == nil)
	return err
}

// wait parks the handshake until ready is called. conn.wire.mu is held, and released
// meanwhile.
func (j *job) wait() {
	p, w := j.pool, &j.conn.wire
	j.asleep = true
	if w.out != nil {
		j.tell()
	}
	p.mu.Lock()
	p.computing--
	j.since = time.Now()
	p.parked.push(j)
	p.next()
	quit := p.crowded()
	p.mu.Unlock()
	w.mu.Unlock()
	quit.giveUp()
	<-j.wake
	w.mu.Lock()
}

// ready lets the handshake compute again, if it is parked. conn.wire.mu is held.
func (j *job) ready() {
	if !j.asleep {
		return
	}
	j.asleep = false
	p := j.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if j.in != nil {
		j.in.remove(j)
	}
	p.resumed.push(j)
	p.next()
}

// giveUp ends a handshake in favour of a queued one. j may be nil.
func (j *job) giveUp() {
	if j != nil {
		j.conn.wire.end(os.ErrDeadlineExceeded)
	}
}

// queue is a linked list of jobs, oldest first. A job is in at most one.
type queue struct {
	n           int
	first, last *job
}

func (q *queue) push(j *job) {
	if j.prev = q.last; q.last != nil {
		q.last.next = j
	} else {
		q.first = j
	}
	j.in, j.next, q.last = q, nil, j
	q.n++
}

func (q *queue) remove(j *job) {
	if j.prev != nil {
		j.prev.next = j.next
	} else {
		q.first = j.next
	}
	if j.next != nil {
		j.next.prev = j.prev
	} else {
		q.last = j.prev
	}
	j.in, j.prev, j.next = nil, nil, nil
	q.n--
}

func (q *queue) pop() *job {
	j := q.first
	q.remove(j)
	return j
}
