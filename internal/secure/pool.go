package secure

import "sync"

// Pool bounds how many handshakes run at once: each has a goroutine while it
// does. The rest wait in their order.
type Pool struct {
	mu      sync.Mutex
	most    int
	running int
	waiting []job
}

type job struct {
	conn *Conn
	tell func()
	done func(error)
}

// NewPool is a pool of at most so many handshakes at once.
func NewPool(most int) *Pool { return &Pool{most: most} }

// Handshake begins the handshake of c, or queues it. From another goroutine it
// calls tell whenever there is something for Out, and at the end done, once.
// Both must return soon and may take locks of their own.
func (p *Pool) Handshake(c *Conn, tell func(), done func(error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	j := job{c, tell, done}
	if p.running == p.most {
		p.waiting = append(p.waiting, j)
		return
	}
	p.running++
	go p.run(j)
}

// run does one handshake after another, as long as any wait.
func (p *Pool) run(j job) {
	for more := true; more; j, more = p.next() {
		j.done(j.conn.handshake(j.tell))
	}
}

func (p *Pool) next() (j job, more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		p.running--
		return job{}, false
	}
	j = p.waiting[0]
	p.waiting[0] = job{}
	p.waiting = p.waiting[1:]
	return j, true
}

// Running is how many handshakes run now, and how many wait.
func (p *Pool) Running() (running, waiting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running, len(p.waiting)
}
