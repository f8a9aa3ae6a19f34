package echo

import (
	"io"
	"sync"
	"time"
)

// deadlines closes connections that take longer than after: those with a
// deadline form a list, oldest first, since all of them get the same time. No
// timer and no entry exists for any other connection.
type deadlines struct {
	after       time.Duration
	mu          sync.Mutex
	first, last *deadline
}

// deadline is a connection's place in the list; the zero value is in none.
type deadline struct {
	conn       io.Closer // its Close may be called from anywhere
	list       *deadlines
	at         time.Time
	prev, next *deadline
}

// start gives d the full time, from now.
func (l *deadlines) start(d *deadline) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	d.list, d.at, d.prev = l, now.Add(l.after), l.last
	if l.last != nil {
		l.last.next = d
	} else {
		l.first = d
	}
	l.last = d
}

// stop takes d out of its list, if it is in one.
func (d *deadline) stop() {
	if d.list == nil {
		return
	}
	l := d.list
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(d)
	d.list = nil
}

// remove unlinks d, unless it has expired.
func (l *deadlines) remove(d *deadline) {
	if d.prev == nil && l.first != d {
		return
	}
	if d.prev != nil {
		d.prev.next = d.next
	} else {
		l.first = d.next
	}
	if d.next != nil {
		d.next.prev = d.prev
	} else {
		l.last = d.prev
	}
	d.prev, d.next = nil, nil
}

// expire closes what is overdue, and calls each for every one.
func (l *deadlines) expire(now time.Time, each func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for d := l.first; d != nil && now.After(d.at); d = l.first {
		l.remove(d)
		_ = d.conn.Close() // queued for its loop
		each()
	}
}
