package scenario

import (
	"errors"
	"io/fs"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
)

// localPorts reads the range that the kernel chooses local ports from. Where a
// container hides it, the kernel's default is assumed.
func (p *Prepared) localPorts(fp proc.FS) plan.LocalPorts {
	l, err := fp.LocalPorts()
	var hidden *fs.PathError
	if err != nil && !errors.As(err, &hidden) {
		p.warn(result.Warn("local_ports_unknown").Count("low", int64(plan.DefaultLocalPorts.Low)).
			Count("high", int64(plan.DefaultLocalPorts.High)).Because(err))
	}
	if err != nil {
		return plan.DefaultLocalPorts
	}
	return l
}

// kernelLimits reads the kernel's limits for the whole machine and for this user.
func (p *Prepared) kernelLimits(m *plan.Machine, fp proc.FS) {
	m.WatchesPerConn, m.FilesPerConn = 1, 1
	if p.SameHost {
		m.FilesPerConn = 2
	}
	if p.SameHost && !p.TwoUsers {
		m.WatchesPerConn = 2
	}
	if n, err := fp.SysctlInt("fs.epoll.max_user_watches"); err == nil {
		m.EpollWatches = n
	}
	if p.Server != nil && p.SameHost && !p.TwoUsers { // no counter has those of other programs
		m.WatchesTaken = p.Server.Open
	}
	// The module may be loaded and still not look at this namespace: then it
	// has not seen the probe's connections either.
	if used, err := fp.SysctlInt("net.netfilter.nf_conntrack_count"); err == nil && used > 0 {
		if n, err := fp.SysctlInt("net.netfilter.nf_conntrack_max"); err == nil {
			m.Conntrack, m.ConntrackTaken = n, used
		}
	}
	if n, limit, err := fp.Files(); err == nil && limit > n && limit < 1<<62 && !fp.PassesFileMax() {
		m.FileMax = limit - n
	}
}

// machine reads what bounds this run. private says whether threads get fd
// tables of their own.
func (p *Prepared) machine(o Options, pl plan.Plan, fp proc.FS) (m plan.Machine, private bool, err error) {
	p.memoryRoom(&m, o, fp)
	want := fp.NrOpen()
	if !o.Conns.Auto {
		want = min(want, uint64(o.Conns.N)+1024)
	}
	limit, err := sys.RaiseNofile(want)
	if err != nil {
		return m, false, err
	}
	taken, err := sys.CountFDs()
	if err != nil {
		return m, false, err
	}
	m.FDsPerTable, m.FDsTaken, m.Tables = int64(limit.Soft), int64(taken)+fdReserve, 1
	if o.PrivateFDs != "off" {
		switch err := sys.CanPrivateFDTable(); {
		case err == nil:
			m.Tables, private = maxTables, true
		case o.PrivateFDs == "on":
			return m, false, usage(result.Warn("private_fds_forbidden").Because(err))
		}
	}
	if !private { // the epoll instances of all threads are in the shared table
		most := m.FDsPerTable
		if !o.Conns.Auto {
			most = min(most, o.Conns.N)
		}
		threads := min(threadsFor(o, most), maxTables)
		m.FDsTaken += threads
		if o.TLS.On { // and an eventfd for each
			m.FDsTaken += threads
		}
	}
	p.kernelLimits(&m, fp)
	m.Tuples = int64(pl.Local.N()) * int64(pl.Dests()) / pl.Overlap() * mostSources(&o, ownAddresses)
	if pl.Packets.On() {
		p.packetMachine(&m, &pl, o)
	}
	if p.Server != nil && p.Server.Foreign == nil { // how many another takes is not known
		m.ServerConns = max(1, p.Server.MaxConns-p.Server.Open)
	}
	return m, private, nil
}

// memoryRoom reads how much memory can be used. If that is not known memory is no
// bound, and a warning says so.
func (p *Prepared) memoryRoom(m *plan.Machine, o Options, fp proc.FS) {
	mem, err := fp.Mem()
	if err != nil {
		p.warn(result.Warn("memory_room_unknown").Because(err))
		return
	}
	for _, doubt := range mem.Doubts {
		p.warn(result.Warn("memory_room_doubtful").Word("why", doubt))
	}
	m.RoomBytes, m.BytesPerConn = int64(mem.Room(plan.MemoryReserve)), p.bytesPerConn(o.Engine, o.SecuredShare())
}
