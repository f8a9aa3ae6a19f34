package loadgen

import (
	"fmt"
	"maps"
	"slices"
	"time"
	"unsafe"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/sys"
)

const (
	// socketEvents is what each socket is registered for, once: edge-triggered, both
	// directions, so that no connection ever needs another epoll_ctl(2).
	socketEvents = sys.EpollIn | sys.EpollOut | sys.EpollRdHup | sys.EpollET
	// socketGone are the events of a socket that has an error or no peer any more.
	socketGone = sys.EpollErr | sys.EpollHup

	// wakeSlot is the user data of the eventfds that wake a thread.
	wakeSlot = -1
	// readSize is the size of a thread's only read buffer.
	readSize = 64 << 10
	// eventBatch is how many events one epoll_wait(2) takes.
	eventBatch = 256
	// readBurst is how many full reads of one connection follow each other before
	// other connections and commands have their turn.
	readBurst = 8
)

// sockets is the transport over the kernel's sockets and one epoll instance.
type sockets struct {
	shared     *shared
	plan       plan.Plan // of its thread
	to         receiver
	ep         sys.Epoll
	started    bool
	events     []sys.Event
	buf        []byte
	mem        []byte
	list       []socket // by slot
	wholeRange bool     // tell each socket the whole local port range
	syscalls   int64    // system calls for messages

	unread  map[int64]struct{} // slots with more to read after their turn
	reading []int64            // the same while they are read
	broken  map[int64]cause    // slots whose socket accepts no more data, and why; what the peer said is read first
}

// socket is a slot's fd and more in 4 bytes.
type socket uint32

const (
	fdBits      = 28              // the fd plus one; 0: there is none
	connectDone = socket(1) << 28 // connect(2) succeeded
	generation  = 29              // shift: how many sockets the slot has had, modulo 8
	maxFD       = 1<<fdBits - 2   // fds above it cannot be kept
	fdMask      = socket(1<<fdBits) - 1
)

func (s socket) isOpen() bool { return s&fdMask != 0 }
func (s socket) fd() int      { return int(s&fdMask) - 1 }

// mark is the generation, which events carry, so that events of a socket that the
// slot had before are recognized. epoll reports such a socket as long as another
// process holds it, as a child does between fork(2) and execve(2).
func (s socket) mark() int32 { return int32(s >> generation) }

func newSockets(s *shared, part plan.Plan) (*sockets, error) {
	mem, err := sys.Alloc(max(1, int(part.Conns)) * int(unsafe.Sizeof(socket(0))))
	if err != nil {
		return nil, err
	}
	return &sockets{
		shared: s, plan: part, mem: mem, wholeRange: s.wide,
		list:   unsafe.Slice((*socket)(unsafe.Pointer(unsafe.SliceData(mem))), part.Conns),
		events: make([]sys.Event, eventBatch), buf: make([]byte, readSize),
	}, nil
}

func (s *sockets) start(wakes []int, to receiver) (err error) {
	if s.ep, err = sys.NewEpoll(); err != nil {
		return fmt.Errorf("create epoll fd: %w", err)
	}
	s.to, s.started = to, true
	for _, wake := range wakes {
		if errno := s.ep.Add(wake, sys.EpollIn|sys.EpollET, wakeSlot, 0); errno != 0 {
			return fmt.Errorf("watch wake-up eventfd: epoll_ctl: %w", errno)
		}
	}
	return nil
}

// open is socket, connect and one epoll_ctl; two calls more only where a source
// address or a port range is asked for.
func (s *sockets) open(slot int64) cause {
	tuple := s.plan.Tuple(s.plan.Offset + slot)
	fd, errno := sys.Socket(sys.Family(s.shared.to[tuple.Dest].At.Addr()))
	if errno != 0 {
		return socketCause(errno)
	}
	why := s.connect(slot, fd, tuple)
	if why != noCause {
		sys.Close(fd)
	}
	return why
}

func (s *sockets) connect(slot int64, fd int, tuple plan.Tuple) cause {
	if fd > maxFD {
		return socketFDLimit
	}
	if why := s.prepare(fd, tuple); why != noCause {
		return why
	}
	// An interrupted connect continues by itself, like one in progress, connect(2).
	errno := sys.Connect(fd, &s.shared.dest[tuple.Dest])
	if errno != 0 && errno != sys.EINPROGRESS && errno != sys.EINTR {
		return connectCause(errno)
	}
	next := s.list[slot]>>generation + 1
	one := next<<generation | socket(fd+1)
	switch s.ep.Add(fd, socketEvents, int32(slot), one.mark()) {
	case 0:
		s.list[slot] = one
		return noCause
	case sys.ENOSPC:
		return epollNoWatches
	}
	return epollOther
}

// prepare sets what must be set before connect(2).
func (s *sockets) prepare(fd int, tuple plan.Tuple) cause {
	if s.wholeRange && sys.LocalPortRange(fd, s.plan.Local.Low, s.plan.Local.High) != 0 {
		s.wholeRange = false // before Linux 6.3: the usual search must do
	}
	if s.plan.KeepAlive > 0 {
		sys.NewKeepAlive(s.plan.KeepAlive).Set(fd)
	}
	if len(s.shared.src) == 0 {
		return noCause
	}
	source := &s.shared.src[tuple.Source]
	if len(s.shared.srcV6) > 0 && s.shared.to[tuple.Dest].At.Addr().Is6() {
		source = &s.shared.srcV6[tuple.Source]
	}
	sys.BindLate(fd) // before Linux 4.2 bind takes the port at once, which still works
	switch errno := sys.Bind(fd, source); errno {
	case 0:
		return noCause
	case sys.EADDRNOTAVAIL, sys.EADDRINUSE:
		return bindNoAddress
	}
	return bindOther
}

func (s *sockets) send(slot int64, p []byte) (n int) {
	one := s.list[slot]
	if !one.isOpen() || len(s.broken) > 0 && s.broken[slot] != noCause {
		return 0
	}
	for n < len(p) {
		s.syscalls++
		took, errno := sys.Send(one.fd(), p[n:])
		switch errno {
		case 0:
			n += took
		case sys.EINTR:
		case sys.EAGAIN:
			return n // epoll reports room
		default:
			s.breaks(slot, writeCause(errno))
			return n
		}
	}
	return n
}

// breaks marks a socket that accepts no more data. The peer may have said why (a
// close frame, or an answer that is no echo), which the next poll reads.
func (s *sockets) breaks(slot int64, why cause) {
	if s.broken == nil {
		s.broken = map[int64]cause{}
	}
	s.broken[slot] = why
	s.readLater(slot)
}

func (s *sockets) noDelay(slot int64) {
	if one := s.list[slot]; one.isOpen() {
		sys.NoDelay(one.fd())
	}
}

func (s *sockets) close(slot int64, reset bool) {
	one := s.list[slot]
	if !one.isOpen() {
		return
	}
	if reset {
		sys.Reset(one.fd())
	}
	sys.Close(one.fd())
	s.list[slot] = one >> generation << generation
	delete(s.broken, slot)
}

func (s *sockets) calls() int64 { return s.syscalls }

func (s *sockets) poll(timeout int) error {
	if len(s.unread) > 0 {
		timeout = 0
	}
	s.syscalls++
	n, err := s.ep.Wait(s.events, time.Duration(timeout)*time.Microsecond)
	s.readOn()
	for i := range n {
		if ev := &s.events[i]; ev.Fd != wakeSlot {
			s.event(int64(ev.Fd), ev.Pad, ev.Events)
		}
	}
	return err
}

// event handles an epoll event of one socket.
func (s *sockets) event(slot int64, mark int32, events uint32) {
	one := s.list[slot]
	switch {
	case !one.isOpen() || one.mark() != mark:
		return // of a socket that this slot had before
	case one&connectDone != 0:
		if events&sys.EpollOut != 0 {
			s.to.writable(slot)
		}
	case events&socketGone != 0:
		s.end(slot, connectCause(sys.SocketError(one.fd())))
		return
	case events&sys.EpollOut == 0 || !s.connected(slot):
		return
	}
	if events&(sys.EpollIn|sys.EpollRdHup|socketGone) != 0 {
		s.read(slot, events&(sys.EpollRdHup|socketGone) != 0)
	}
}

// connected handles a connect that succeeded. If the local port happened to be the
// very port it connects to, and nothing listens there, the socket is connected to
// itself (simultaneous open, RFC 9293 section 3.5) and would echo perfectly.
func (s *sockets) connected(slot int64) bool {
	if s.shared.inRange {
		port := s.plan.Tuple(s.plan.Offset + slot).Dest
		if fd := s.list[slot].fd(); sys.BoundTo(fd, &s.shared.dest[port]) {
			sys.Reset(fd) // no TIME_WAIT on the port of a server that is to come back
			s.end(slot, connectSelf)
			return false
		}
	}
	s.list[slot] |= connectDone
	s.to.connected(slot)
	return true
}

// read drains a socket. A short read means that it is empty, unless the end of the
// stream is there too: then read on to see it.
func (s *sockets) read(slot int64, ended bool) {
	one := s.list[slot]
	for reads := 0; one.isOpen() && s.list[slot] == one; reads++ { // else the receiver has closed it
		if reads == readBurst {
			s.readLater(slot) // epoll reports each edge once
			return
		}
		s.syscalls++
		n, errno := sys.Read(one.fd(), s.buf)
		switch {
		case errno == sys.EINTR:
			continue
		case errno == sys.EAGAIN:
			return
		case errno != 0 || n == 0:
			s.end(slot, readCause(errno))
			return
		}
		s.to.received(slot, s.buf[:n])
		if n < readSize && !ended {
			return
		}
	}
}

// readLater makes the next poll come back to a socket.
func (s *sockets) readLater(slot int64) {
	if s.unread == nil {
		s.unread = map[int64]struct{}{}
	}
	s.unread[slot] = struct{}{}
}

// readOn comes back to the sockets that had more to read.
func (s *sockets) readOn() {
	if len(s.unread) == 0 {
		return
	}
	s.reading = slices.AppendSeq(s.reading[:0], maps.Keys(s.unread))
	clear(s.unread)
	for _, slot := range s.reading {
		s.read(slot, true) // its end may be in there, too
		if _, more := s.unread[slot]; more {
			continue
		}
		if why := s.broken[slot]; why != noCause {
			s.end(slot, why) // the peer gave no reason
		}
	}
}

// end closes a connection and reports why. If its socket accepted no more data,
// that is the reason.
func (s *sockets) end(slot int64, why cause) {
	if first := s.broken[slot]; first != noCause {
		why = first
	}
	s.close(slot, false)
	s.to.ended(slot, why)
}

func (s *sockets) stop(private bool) {
	if s.started && !private {
		s.ep.Close()
		for slot := range s.list {
			s.close(int64(slot), false)
		}
	}
	s.list = nil
	sys.Free(s.mem)
}
