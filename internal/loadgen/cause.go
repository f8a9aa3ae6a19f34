package loadgen

import (
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
)

// cause is a phase and a reason; each loop counts them in a flat array.
type cause uint8

const (
	socketFDLimit cause = iota
	socketFileMax
	socketNoMemory
	socketOther
	bindNoAddress
	bindOther
	connectNoAddress
	connectRefused
	connectReset
	connectTimeout
	connectUnreachable
	connectNoMemory
	connectSelf
	connectOther
	epollNoWatches
	epollOther
	handshakeTimeout
	handshakeClosed
	handshakeRefused
	handshakeInvalid
	readClosed
	readReset
	readTimeout
	readOther
	readCloseFrame
	readProtocol
	writeClosed
	writeOther
	echoMismatch
	echoSurplus
	echoTimeout
	echoOverdue
	closeTimeout
	nCauses
)

// causeNames are the keys of result.ErrorCounts: phase_cause.
var causeNames = [nCauses]string{
	"socket_fd_limit", "socket_file_max", "socket_no_memory", "socket_other",
	"bind_no_address", "bind_other",
	"connect_no_address", "connect_refused", "connect_reset", "connect_timeout", "connect_unreachable", "connect_no_memory", "connect_self", "connect_other",
	"epoll_no_watches", "epoll_other",
	"handshake_timeout", "handshake_closed", "handshake_refused", "handshake_invalid",
	"read_closed", "read_reset", "read_timeout", "read_other",
	"read_close_frame", "read_protocol",
	"write_closed", "write_other",
	"echo_mismatch", "echo_surplus", "echo_timeout", "echo_overdue",
	"close_timeout",
}

// socketCause maps the errors of socket(2).
func socketCause(e sys.Errno) cause {
	switch e {
	case sys.EMFILE:
		return socketFDLimit
	case sys.ENFILE:
		return socketFileMax
	case sys.ENOBUFS, sys.ENOMEM:
		return socketNoMemory
	}
	return socketOther
}

// connectCause maps the errors of connect(2), at once or through SO_ERROR.
func connectCause(e sys.Errno) cause {
	switch e {
	case sys.EADDRNOTAVAIL, sys.EADDRINUSE:
		return connectNoAddress
	case sys.ECONNREFUSED:
		return connectRefused
	case sys.ECONNRESET, sys.EPIPE:
		return connectReset
	case sys.ETIMEDOUT:
		return connectTimeout
	case sys.EHOSTUNREACH, sys.ENETUNREACH:
		return connectUnreachable
	case sys.ENOBUFS, sys.ENOMEM:
		return connectNoMemory
	}
	return connectOther
}

// readCause maps the errors of read(2); 0 is the end of the stream.
func readCause(e sys.Errno) cause {
	switch e {
	case 0:
		return readClosed
	case sys.ECONNRESET, sys.EPIPE, sys.ECONNABORTED:
		return readReset
	case sys.ETIMEDOUT, sys.EHOSTUNREACH, sys.ENETUNREACH:
		return readTimeout
	}
	return readOther
}

// causes are the counts of one loop.
type causes [nCauses]int64

// addTo adds the non-zero counts to e, by their names after a prefix.
func (c *causes) addTo(e result.ErrorCounts, prefix string) {
	for i, n := range c {
		if n != 0 {
			e[prefix+causeNames[i]] += n
		}
	}
}
