package proc

import (
	"bytes"
	"errors"
	"fmt"
)

// Drops are the TcpExt counters of /proc/net/netstat that say a listener could
// not keep up, since this network namespace began.
type Drops struct {
	ListenOverflows int64 // the accept queue was full
	ListenDrops     int64 // SYNs and last ACKs dropped, for that or any other reason
	RequestQueue    int64 // TCPReqQFullDrop: the SYN queue was full, and no cookie sent
	Cookies         int64 // TCPReqQFullDoCookies: it was full, a SYN cookie was sent
	Backlog         int64 // TCPBacklogDrop: a socket's own backlog was full
	MemoryPressure  int64 // TCPMemoryPressures: times tcp_mem's middle mark was passed
	TimeWaitFull    int64 // TCPTimeWaitOverflow: tcp_max_tw_buckets was reached
	TimeWaited      int64 // TW: sockets whose TIME_WAIT ended by itself
	TimeWaitReused  int64 // TWRecycled: ended early, for a new connection of the same 4-tuple
	SynRetrans      int64 // TCPSynRetrans: SYNs and SYN-ACKs sent again
	MemoryAborts    int64 // TCPAbortOnMemory: connections cut, tcp_mem or tcp_max_orphans was reached
}

// ListenDrops reads the counters. One that this kernel does not have is 0.
func (p FS) ListenDrops() (Drops, error) {
	var d Drops
	err := p.read("net/netstat", func(b []byte) (err error) {
		d, err = parseDrops(b)
		return err
	})
	if err != nil {
		return Drops{}, fmt.Errorf("read net/netstat: %w", err)
	}
	return d, nil
}

// parseDrops reads pairs of lines, "TcpExt: name name ..." and "TcpExt: value
// value ...". procfs reads the file, but not the last two of our counters.
func parseDrops(b []byte) (d Drops, err error) {
	var names [][]byte
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) == 0 || string(f[0]) != "TcpExt:" {
			continue
		}
		if names == nil {
			names = f
			continue
		}
		if len(f) != len(names) {
			return Drops{}, fmt.Errorf("TcpExt has %d names and %d values", len(names)-1, len(f)-1)
		}
		for i, name := range names[1:] {
			to := d.field(name)
			if to == nil {
				continue
			}
			n, ok := number(f[i+1], 1<<62)
			if !ok {
				return Drops{}, fmt.Errorf("%s: %q is not a count", name, f[i+1])
			}
			*to = int64(n)
		}
		return d, nil
	}
	return Drops{}, errors.New("it has no TcpExt lines")
}

func (d *Drops) field(name []byte) *int64 {
	switch string(name) {
	case "ListenOverflows":
		return &d.ListenOverflows
	case "ListenDrops":
		return &d.ListenDrops
	case "TCPReqQFullDrop":
		return &d.RequestQueue
	case "TCPReqQFullDoCookies":
		return &d.Cookies
	case "TCPBacklogDrop":
		return &d.Backlog
	case "TCPMemoryPressures":
		return &d.MemoryPressure
	case "TCPTimeWaitOverflow":
		return &d.TimeWaitFull
	case "TW":
		return &d.TimeWaited
	case "TWRecycled":
		return &d.TimeWaitReused
	case "TCPSynRetrans":
		return &d.SynRetrans
	case "TCPAbortOnMemory":
		return &d.MemoryAborts
	}
	return nil
}
