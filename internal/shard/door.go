package shard

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// A worker's door is a socket over which it and its supervisor pass each other
// connections (SCM_RIGHTS, unix(7)). The supervisor sends visitors, one end of a
// socket pair each, which ask the worker for profiles and give it orders; and
// clients that another worker has no room for. The worker sends clients that it
// has no room for. The sockets have neither name nor port, so no other process can
// connect, and nothing is left when either end dies.

// What comes through a door.
const (
	visitor byte = iota
	client
)

// doorTime bounds how long passing on may take; only a worker that does not run
// makes it wait.
const doorTime = 5 * time.Second

// passTime is the same for a client on its way out: the supervisor stops reading
// while nobody has room but a worker with some is being started, which may take
// long on a busy machine. Who is handed out here has been accepted, and would be
// reset.
const passTime = 30 * time.Second

// socketPair is two connected sockets of a kind.
func socketPair(kind int) (a, b *os.File, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, kind|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "the worker's"), nil
}

// connOf is f as a connection; f itself is closed.
func connOf(f *os.File) (*net.UnixConn, error) {
	c, err := net.FileConn(f)
	_ = f.Close()
	if err != nil {
		return nil, fmt.Errorf("use socket of a pair: %w", err)
	}
	return c.(*net.UnixConn), nil
}

// hand sends fd through a door, if it is taken in time.
func hand(door *net.UnixConn, what byte, fd int, within time.Duration) error {
	end := time.Now().Add(within)
	_ = door.SetWriteDeadline(end)
	for {
		_, _, err := door.WriteMsgUnix([]byte{what}, syscall.UnixRights(fd), nil)
		// Without CAP_SYS_RESOURCE a user may have at most as many fds in flight as a
		// process may have open: unix(7).
		if !errors.Is(err, syscall.ETOOMANYREFS) || time.Now().After(end) {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// receive reads a message from a door; io.EOF once it is shut.
func receive(door *net.UnixConn) (what byte, fd int, err error) {
	one, oob := make([]byte, 1), make([]byte, syscall.CmsgSpace(4))
	n, size, _, _, err := door.ReadMsgUnix(one, oob)
	if err != nil {
		return 0, -1, err
	}
	if n == 0 {
		return 0, -1, io.EOF
	}
	messages, err := syscall.ParseSocketControlMessage(oob[:size])
	if err != nil || len(messages) != 1 {
		return 0, -1, errors.Join(errNothing, err)
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return 0, -1, errors.Join(errNothing, err)
	}
	syscall.CloseOnExec(fds[0])
	return one[0], fds[0], nil
}

// errNothing is a message whose descriptor the kernel dropped because there was no
// fd left for it.
var errNothing = errors.New("no descriptor came")

// Dial opens a connection to worker i, which accepts it as a visitor. It fails if
// there is no such worker.
func (s *Supervisor) Dial(i int) (net.Conn, error) {
	if i < 0 || i >= len(s.Page.Slots) {
		return nil, fmt.Errorf("worker %d: the legal range is 0..%d", i, len(s.Page.Slots)-1)
	}
	door := s.doorOf(i)
	if door == nil {
		return nil, fmt.Errorf("worker %d is not started", i)
	}
	ours, theirs, err := socketPair(syscall.SOCK_STREAM)
	if err != nil {
		return nil, err
	}
	defer func() { _ = theirs.Close() }()
	c, err := connOf(ours)
	if err != nil {
		return nil, err
	}
	if err := hand(door, visitor, int(theirs.Fd()), doorTime); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("hand connection to worker %d: %w", i, err)
	}
	return c, nil
}

// doorOf is worker i's door, nil if it has none.
func (s *Supervisor) doorOf(i int) *net.UnixConn {
	s.doorsMu.Lock()
	defer s.doorsMu.Unlock()
	if i >= len(s.doors) {
		return nil
	}
	return s.doors[i]
}

// openDoor makes a new door for worker i and returns the worker's side of it.
// Connections passed to a worker that has died are lost with it.
func (s *Supervisor) openDoor(i int) (*os.File, error) {
	ours, theirs, err := socketPair(syscall.SOCK_SEQPACKET)
	if err != nil {
		return nil, err
	}
	c, err := connOf(ours)
	if err != nil {
		_ = theirs.Close()
		return nil, err
	}
	s.setDoor(i, c)
	go s.watchDoor(i, c)
	return theirs, nil
}

// setDoor replaces worker i's door; nil: it has none any more.
func (s *Supervisor) setDoor(i int, c *net.UnixConn) {
	s.doorsMu.Lock()
	defer s.doorsMu.Unlock()
	if s.doors == nil {
		s.doors = make([]*net.UnixConn, len(s.Page.Slots))
	}
	if s.doors[i] != nil {
		_ = s.doors[i].Close()
	}
	s.doors[i] = c
}

// closeDoors closes them all.
func (s *Supervisor) closeDoors() {
	s.doorsMu.Lock()
	defer s.doorsMu.Unlock()
	for _, d := range s.doors {
		if d != nil {
			_ = d.Close()
		}
	}
	s.doors = nil
}

// Door is the worker's side: a listener for visitors, and the way in and out for
// clients.
type Door struct {
	conn     *net.UnixConn
	visitors chan net.Conn
	clients  chan int
	shut     chan struct{} // closed at the end
}

// InheritDoor is the door that the worker inherits from the supervisor.
func InheritDoor() (*Door, error) {
	c, err := connOf(os.NewFile(doorFD, "door"))
	if err != nil {
		return nil, err
	}
	return newDoor(c), nil
}

func newDoor(c *net.UnixConn) *Door {
	d := &Door{conn: c, visitors: make(chan net.Conn), clients: make(chan int), shut: make(chan struct{})}
	go d.run()
	return d
}

// run receives until the supervisor is gone.
func (d *Door) run() {
	defer close(d.shut)
	for {
		what, fd, err := receive(d.conn)
		switch {
		case errors.Is(err, errNothing):
			continue
		case err != nil:
			return
		case what == client:
			d.clients <- fd
			continue
		}
		if c, err := connOf(os.NewFile(uintptr(fd), "of the supervisor")); err == nil {
			d.visitors <- c
		}
	}
}

// PassOn sends a client to the supervisor, which finds a worker with room for it.
// The caller's own fd of it stays open.
func (d *Door) PassOn(fd int) bool { return hand(d.conn, client, fd, passTime) == nil }

// Accept implements net.Listener.
func (d *Door) Accept() (net.Conn, error) {
	select {
	case c := <-d.visitors:
		return c, nil
	case <-d.shut:
		return nil, io.EOF
	}
}

// Addr implements net.Listener.
func (d *Door) Addr() net.Addr { return d.conn.LocalAddr() }

// Close implements net.Listener.
func (d *Door) Close() error { return d.conn.Close() }
