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

// A worker and its supervisor are connected by a socket pair (socketpair(2)), over
// which they send each other file descriptors (SCM_RIGHTS, unix(7)), one a message:
//
//   - supervisor to worker, kindRequest: a connection on which the supervisor speaks
//     HTTP with the worker, to take a profile or to give an order;
//   - supervisor to worker, kindClient: a client's connection that another worker has
//     accepted and has no room for;
//   - worker to supervisor, kindClient: one that this worker has no room for.
//
// The sockets have neither a name nor a port, so no other process can connect to
// them, and nothing is left behind when either end dies.

// The first and only byte of a message: what its descriptor is.
const (
	kindRequest byte = iota
	kindClient
)

// sendTime is how long the supervisor waits for a worker to take a request: a
// worker that is stopped takes none.
const sendTime = 5 * time.Second

// passTime is how long a full worker waits for the supervisor to take a client's
// connection. While another worker is being started, which may take long on a busy
// machine, the supervisor takes none; a connection given up here would be reset.
const passTime = 30 * time.Second

// socketPair is two connected sockets of a kind.
func socketPair(kind int) (a, b *os.File, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, kind|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "the worker's"), nil
}

// connOf returns f as a net.UnixConn, and closes f itself.
func connOf(f *os.File) (*net.UnixConn, error) {
	c, err := net.FileConn(f)
	_ = f.Close()
	if err != nil {
		return nil, fmt.Errorf("use socket of a pair: %w", err)
	}
	return c.(*net.UnixConn), nil
}

// sendFD sends fd over a socket, or fails when the other end has not taken it within
// that time.
func sendFD(socket *net.UnixConn, what byte, fd int, within time.Duration) error {
	end := time.Now().Add(within)
	_ = socket.SetWriteDeadline(end)
	for {
		_, _, err := socket.WriteMsgUnix([]byte{what}, syscall.UnixRights(fd), nil)
		// Without CAP_SYS_RESOURCE a user may have at most as many fds in flight as a
		// process may have open: unix(7).
		if !errors.Is(err, syscall.ETOOMANYREFS) || time.Now().After(end) {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// receiveFD reads one message; io.EOF once the other end is closed.
func receiveFD(socket *net.UnixConn) (what byte, fd int, err error) {
	one, oob := make([]byte, 1), make([]byte, syscall.CmsgSpace(4))
	n, size, _, _, err := socket.ReadMsgUnix(one, oob)
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

// errNothing says that a message came without its descriptor: the kernel drops it when
// this process has no fd left (unix(7)).
var errNothing = errors.New("no descriptor came")

// Dial opens a connection to worker i, which gets it by Socket.Accept. It fails if
// there is no such worker.
func (s *Supervisor) Dial(i int) (net.Conn, error) {
	if i < 0 || i >= len(s.Page.Slots) {
		return nil, fmt.Errorf("worker %d: the legal range is 0..%d", i, len(s.Page.Slots)-1)
	}
	socket := s.socketOf(i)
	if socket == nil {
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
	if err := sendFD(socket, kindRequest, int(theirs.Fd()), sendTime); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("hand connection to worker %d: %w", i, err)
	}
	return c, nil
}

// socketOf is the supervisor's end of worker i's socket; nil if worker i does not run.
func (s *Supervisor) socketOf(i int) *net.UnixConn {
	s.socketsMu.Lock()
	defer s.socketsMu.Unlock()
	if i >= len(s.sockets) {
		return nil
	}
	return s.sockets[i]
}

// openSocket makes a new socket pair for worker i and returns the worker's end.
// Connections that were sent to a worker that has died are lost with it.
func (s *Supervisor) openSocket(i int) (*os.File, error) {
	ours, theirs, err := socketPair(syscall.SOCK_SEQPACKET)
	if err != nil {
		return nil, err
	}
	c, err := connOf(ours)
	if err != nil {
		_ = theirs.Close()
		return nil, err
	}
	s.setSocket(i, c)
	go s.serveSocket(i, c)
	return theirs, nil
}

// setSocket replaces worker i's socket, and closes the one before; c may be nil.
func (s *Supervisor) setSocket(i int, c *net.UnixConn) {
	s.socketsMu.Lock()
	defer s.socketsMu.Unlock()
	if s.sockets == nil {
		s.sockets = make([]*net.UnixConn, len(s.Page.Slots))
	}
	if s.sockets[i] != nil {
		_ = s.sockets[i].Close()
	}
	s.sockets[i] = c
}

// closeSockets closes the sockets of all workers.
func (s *Supervisor) closeSockets() {
	s.socketsMu.Lock()
	defer s.socketsMu.Unlock()
	for _, d := range s.sockets {
		if d != nil {
			_ = d.Close()
		}
	}
	s.sockets = nil
}

// Socket is the worker's end. It is a net.Listener, whose connections are the
// supervisor's requests.
type Socket struct {
	conn     *net.UnixConn
	requests chan net.Conn
	clients  chan int      // fds of clients that other workers have no room for
	shut     chan struct{} // closed once the supervisor is gone
}

// InheritSocket opens the socket that the worker has inherited from its supervisor.
func InheritSocket() (*Socket, error) {
	c, err := connOf(os.NewFile(socketFD, "supervisor"))
	if err != nil {
		return nil, err
	}
	return newSocket(c), nil
}

func newSocket(c *net.UnixConn) *Socket {
	s := &Socket{conn: c, requests: make(chan net.Conn), clients: make(chan int), shut: make(chan struct{})}
	go s.run()
	return s
}

// run receives until the supervisor is gone.
func (s *Socket) run() {
	defer close(s.shut)
	for {
		what, fd, err := receiveFD(s.conn)
		switch {
		case errors.Is(err, errNothing):
			continue
		case err != nil:
			return
		case what == kindClient:
			s.clients <- fd
			continue
		}
		if c, err := connOf(os.NewFile(uintptr(fd), "of the supervisor")); err == nil {
			s.requests <- c
		}
	}
}

// PassOn sends a client's connection to the supervisor, which finds a worker with room
// for it; false if the supervisor has not taken it. The caller still has to close fd.
func (s *Socket) PassOn(fd int) bool { return sendFD(s.conn, kindClient, fd, passTime) == nil }

// Accept implements net.Listener.
func (s *Socket) Accept() (net.Conn, error) {
	select {
	case c := <-s.requests:
		return c, nil
	case <-s.shut:
		return nil, io.EOF
	}
}

// Addr implements net.Listener.
func (s *Socket) Addr() net.Addr { return s.conn.LocalAddr() }

// Close implements net.Listener.
func (s *Socket) Close() error { return s.conn.Close() }
