package secure

import (
	"os"
	"runtime"
	"sync"
	"time"
)

// Pool bounds how many handshakes are under way at once: each has a goroutine
// while it is. The rest wait in their order. Of those under way only as many
// compute at a time as there are processors, so that the event loops beside them
// get their turn; the others are parked, because their peers have to say
// something first, or ready to go on.
type Pool struct {
	most     int           // handshakes under way
	patience time.Duration // 0: endless

	mu         sync.Mutex
	processors int // handshakes that compute
	computing  int
	underWay   int
	queued     queue // to begin
	resumed    queue // under way, to compute again
	parked     queue // under way, their peers are waited for
	leaving    int   // under way, and told to make room
	timer      *time.Timer
}

// NewPool is a pool of at most so many handshakes at once. While others are
// queued, one whose peer has said nothing for patience has to go, the longest
// first: its error is os.ErrDeadlineExceeded. So nobody can keep others out by
// saying nothing. With patience 0 none has to.
func NewPool(most int, patience time.Duration) *Pool {
	return &Pool{most: most, patience: patience, processors: runtime.GOMAXPROCS(0)}
}

// Handshake begins the handshake of c, or queues it. From another goroutine it
// calls tell whenever there is something for Out, and at the end done, once, when
// there may be something for Out, too. Both must return soon and may take locks of
// their own, but not call methods of c.
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

// next has go on what can. p.mu is held.
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

// crowded is the handshake that has had to be waited for longest, if others wait
// and that was too long; if not, it is looked for again when it will have been.
// p.mu is held, and no Conn's lock. The caller has it giveUp, without p.mu.
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

// run does one handshake after another, as long as any may begin.
func (p *Pool) run(j *job) {
	for j != nil {
		j.done(j.run())
		j = p.after(j)
	}
}

// after takes out a handshake that is over, and gives what is to be done on the
// same goroutine, nil if that is to end.
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
	wake chan struct{} // it may compute on

	asleep bool      // it waits for its peer; of conn.wire.mu
	since  time.Time // when that began

	// Of pool.mu.
	leaving    bool
	in         *queue
	prev, next *job
}

// run is the handshake.
func (j *job) run() error {
	c := j.conn
	err := c.wire.dropped()
	if err == nil {
		err = c.tls.Handshake()
	}
	c.wire.finish(c.settle(), err == nil)
	return err
}

// wait parks the handshake until ready is called. conn.wire.mu is held, and given
// up meanwhile.
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

// ready has the handshake go on, if it is parked. conn.wire.mu is held.
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

// giveUp ends a handshake that others wait for. j may be nil.
func (j *job) giveUp() {
	if j != nil {
		j.conn.wire.end(os.ErrDeadlineExceeded)
	}
}

// queue is of jobs, oldest first.
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
