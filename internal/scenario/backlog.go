package scenario

import (
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
)

// warnBacklog warns when more connects may be under way at once than fit in the
// accept queues of a server on this machine: the kernel drops the rest, and they
// are retried after a second.
func (p *Prepared) warnBacklog(fp proc.FS) {
	if !p.mayListenHere() {
		return // its own check says so
	}
	room, code := listenRoom(p.Plan.Ports()), "backlog_of_port"
	if room == 0 { // it listens where we cannot see it
		var err error
		if room, err = fp.SysctlInt("net.core.somaxconn"); err != nil {
			return
		}
		code = "backlog_of_listener"
	}
	active := min(p.Plan.Threads, sys.Cores()) // the others wait for their turn
	ports := int64(len(p.Plan.Ports()))
	if need := (min(p.Plan.Total, int64(p.Plan.Window)*int64(active)) + ports - 1) / ports; room < need {
		p.warn(result.Warn(code).Count("room", room).Count("need", need))
	}
}

// listenRoom is the least backlog of the ports, over all listeners of a port; 0
// if one of them is not listened on, as far as can be seen from here.
func listenRoom(ports []int) (least int64) {
	rooms := make(map[int]int64, len(ports))
	_ = sys.TCPSockets(func(s sys.SockInfo) bool {
		rooms[int(s.Local.Port())] += int64(s.Unsent)
		return true
	}, sys.Listening)
	for i, port := range ports {
		if room := rooms[port]; i == 0 || room < least {
			least = room
		}
	}
	return least
}
