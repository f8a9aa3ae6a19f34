package scenario

import (
	"context"

	"github.com/c10m/c10m/internal/diagnose"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
)

// record starts the recorder that finds what limits the run. It watches this
// process and, if the server runs on this machine, the server's; crowd says that this
// is an agent of a fleet, of which a machine may have many.
func (p *Prepared) record(ctx context.Context, fp proc.FS, ports []int, crowd bool) *diagnose.Recorder {
	t := diagnose.Target{Client: true, Crowd: crowd}
	if p.control.known() && !(p.Server.Foreign != nil && p.SamePIDs) {
		t.Report = p.control.counts // what is not ours is seen by its processes, where these are seen
	}
	t.Server = p.serverPIDs(fp, ports)
	if p.mayListenHere() {
		t.Ports = ports
	}
	return diagnose.Start(ctx, fp, t)
}

// serverPIDs are the server's processes: those that our server reports, if its
// process ids mean the same here (one pid namespace), or else the processes of
// this machine that listen on the ports.
func (p *Prepared) serverPIDs(fp proc.FS, ports []int) (pids []int) {
	if p.Server != nil && p.SamePIDs {
		for _, s := range p.Server.Shards {
			pids = append(pids, s.PID)
		}
		return pids
	}
	if !p.mayListenHere() {
		return nil
	}
	inodes, own := map[uint32]bool{}, newPortSet(ports)
	_ = sys.TCPSockets(func(s sys.SockInfo) bool {
		if own.has(s.Local) {
			inodes[s.Inode] = true
		}
		return true
	}, sys.Listening)
	if len(inodes) == 0 {
		return nil
	}
	return fp.Owners(inodes)
}

// shown is how many cores, processes and threads a run's tables show of each.
const shown = 4

// settleFindings adds to a result what limited the run and who used the
// processors. The window must have ended while the client's threads still existed.
func settleFindings(w diagnose.Window, r *result.Result, l plan.LocalPorts, latency []diagnose.Stretch) {
	w.Errors, w.Conns, w.Latency = r.Conns.Errors, r.Conns, latency
	if n := l.N(); n > 0 {
		w.Settings.LocalPorts = int64(n) // less those that are reserved
	}
	if r.Echo != nil {
		w.Messages = r.Echo.Received
	}
	r.Findings = diagnose.Find(w)
	r.Usage = diagnose.Usage(w, shown)
}
