package proc

import (
	"errors"
	"fmt"
	"io/fs"
)

// Sockets is /proc/net/sockstat and sockstat6 of this network namespace.
type Sockets struct {
	TCP      int64 // in use, both families; listeners too, TIME_WAIT not
	TCP6     int64 // of these, IPv6 sockets
	Orphan   int64
	TimeWait int64
	Alloc    int64 // allocated, all namespaces of the machine together
	MemPages int64 // buffered data in pages, all namespaces together
}

// Sockets reads the socket counts. A kernel without IPv6 has no sockstat6.
func (p FS) Sockets() (Sockets, error) {
	var s Sockets
	net := p.net("sockstat")
	v4, err := net.NetSockstat()
	if err != nil {
		return s, fmt.Errorf("read net/sockstat: %w", err)
	}
	found := false
	for _, proto := range v4.Protocols {
		if proto.Protocol == "TCP" {
			found = true
			s = Sockets{TCP: int64(proto.InUse), Orphan: deref(proto.Orphan), TimeWait: deref(proto.TW),
				Alloc: deref(proto.Alloc), MemPages: deref(proto.Mem)}
		}
	}
	if !found {
		return s, errors.New("read net/sockstat: it has no TCP line")
	}
	if min(s.TCP, s.Orphan, s.TimeWait, s.Alloc, s.MemPages) < 0 {
		return Sockets{}, fmt.Errorf("read net/sockstat: %+v cannot be", s)
	}
	v6, err := net.NetSockstat6()
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("read net/sockstat6: %w", err)
	}
	for _, proto := range v6.Protocols {
		if proto.Protocol == "TCP6" {
			s.TCP6 = int64(proto.InUse)
			if s.TCP6 < 0 {
				return Sockets{}, fmt.Errorf("read net/sockstat6: %d TCP sockets cannot be", s.TCP6)
			}
			s.TCP += s.TCP6
		}
	}
	return s, nil
}

// deref is 0 for what the file does not have.
func deref(n *int) int64 {
	if n == nil {
		return 0
	}
	return int64(*n)
}
