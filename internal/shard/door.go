package shard

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// A worker's door is a socket over which its supervisor hands it connections: to
// look into it, one is made as a pair of sockets, and the worker is sent one of
// the two (SCM_RIGHTS, unix(7)). Nothing has a name or a port, so nobody else can
// come in, and nothing is left when either end dies.

// doorTime bounds how long handing over may take; only a worker that does not
// run any more lets it wait.
const doorTime = 5 * time.Second

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

// Dial opens a connection to worker i, who takes it at its Door. It fails before
// the workers are started.
func (s *Supervisor) Dial(i int) (net.Conn, error) {
	s.doorsMu.Lock()
	defer s.doorsMu.Unlock()
	if i < 0 || i >= len(s.Page.Slots) {
		return nil, fmt.Errorf("worker %d: the legal range is 0..%d", i, len(s.Page.Slots)-1)
	}
	if i >= len(s.doors) || s.doors[i] == nil {
		return nil, fmt.Errorf("worker %d is not started yet", i)
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
	_ = s.doors[i].SetWriteDeadline(time.Now().Add(doorTime))
	if _, _, err := s.doors[i].WriteMsgUnix([]byte{0}, syscall.UnixRights(int(theirs.Fd())), nil); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("hand connection to worker %d: %w", i, err)
	}
	return c, nil
}

// openDoor makes worker i's door anew and gives the worker's side of it. What was
// handed to one that has died is lost with it.
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
	s.doorsMu.Lock()
	defer s.doorsMu.Unlock()
	if s.doors == nil {
		s.doors = make([]*net.UnixConn, len(s.Page.Slots))
	}
	if s.doors[i] != nil {
		_ = s.doors[i].Close()
	}
	s.doors[i] = c
	return theirs, nil
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

// Door is the worker's side: a listener for what its supervisor hands it.
func Door() (net.Listener, error) {
	c, err := connOf(os.NewFile(doorFD, "door"))
	if err != nil {
		return nil, err
	}
	return door{c}, nil
}

type door struct{ *net.UnixConn }

// Accept implements net.Listener.
func (d door) Accept() (net.Conn, error) {
	one, oob := make([]byte, 1), make([]byte, syscall.CmsgSpace(4))
	_, size, _, _, err := d.ReadMsgUnix(one, oob)
	if err != nil {
		return nil, fmt.Errorf("accept from supervisor: %w", err)
	}
	messages, err := syscall.ParseSocketControlMessage(oob[:size])
	if err != nil || len(messages) != 1 {
		return nil, errors.Join(errors.New("accept from supervisor: no descriptor came"), err)
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, errors.Join(errors.New("accept from supervisor: no descriptor came"), err)
	}
	syscall.CloseOnExec(fds[0])
	return connOf(os.NewFile(uintptr(fds[0]), "of the supervisor"))
}

// Addr implements net.Listener.
func (d door) Addr() net.Addr { return d.LocalAddr() }
