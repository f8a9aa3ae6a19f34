package scenario

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/diagnose"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
)

// DiagnoseOptions say what to look at: a process, or a server of ours.
type DiagnoseOptions struct {
	PID      int    // 0: ask Control
	Control  string // URL
	Duration time.Duration
	Commit   string
	Command  []string
}

// Diagnose looks at a running server, which it does not touch, and says what
// limits it. An error means that there is nothing to look at.
func Diagnose(ctx context.Context, o DiagnoseOptions, fp proc.FS) (*result.Result, error) {
	r := &result.Result{Schema: result.Schema, Scenario: "diagnose", Proto: "tcp", Started: time.Now().UTC(),
		Command: o.Command,
		Host:    thisHost(o.Commit)}
	late, stopLate := withGrace(ctx)
	defer stopLate()
	t, err := o.target(ctx, fp, r)
	if ctx.Err() != nil {
		return nil, ErrInterrupted
	}
	if err != nil {
		return nil, err
	}
	rec := diagnose.Start(ctx, fp, t)
	sleep(ctx, o.Duration)
	r.Interrupt = ctx.Err() != nil
	w := rec.Stop(late)
	if len(t.Server) > 0 && len(w.After.Server) == 0 {
		r.Warnings = append(r.Warnings, result.Warn("server_ended"))
	}
	r.Findings, r.Usage = diagnose.Find(w), diagnose.Usage(w, 16)
	r.Diagnosis = result.NewDiagnosis(r.Findings)
	return r, nil
}

// target finds the processes, and warns of what cannot be seen from here.
func (o DiagnoseOptions) target(ctx context.Context, fp proc.FS, r *result.Result) (t diagnose.Target, err error) {
	warn := func(w result.Warning) { r.Warnings = append(r.Warnings, w) }
	if o.PID > 0 {
		if _, err := fp.Threads(o.PID); err != nil {
			return t, usage(result.Warn("pid_unknown").Word("pid", strconv.Itoa(o.PID)).Because(err))
		}
		t.Server = append([]int{o.PID}, fp.Children(o.PID)...)
		t.Ports = portsOf(fp, t.Server)
		if !fp.SameNet(o.PID) && fp.NetNamespace(o.PID) != 0 {
			warn(result.Warn("process_in_other_net").Word("pid", strconv.Itoa(o.PID)))
		}
		return t, nil
	}
	c := newControl(ctx, strings.TrimSuffix(o.Control, "/"))
	report, err := c.counts(ctx)
	if err != nil {
		return t, fault(result.Warn("control_not_reachable"), err)
	}
	t.Report = c.counts
	boot, _ := fp.BootID()
	p := &Prepared{Server: report, Place: placeOf(false, false, report, boot, fp.Namespaces())}
	if !p.SameHost {
		warn(result.Warn("server_on_other_machine"))
		return t, nil
	}
	var ports []int
	for _, p := range report.Ports {
		ports = append(ports, p.Port)
	}
	if p.SameNet {
		t.Ports = ports
	} else {
		warn(result.Warn("server_in_other_net"))
	}
	if report.Foreign != nil && p.SamePIDs {
		t.Report = nil // what is not ours is seen by its processes, where these are seen
	}
	if t.Server = p.serverPIDs(fp, ports); len(t.Server) == 0 {
		warn(result.Warn("server_in_other_pid"))
	}
	return t, nil
}

// portsOf are those on which the processes listen, in this network namespace.
func portsOf(fp proc.FS, pids []int) (ports []int) {
	inodes := fp.SocketsOf(pids)
	_ = sys.TCPSockets(func(s sys.SockInfo) bool {
		if inodes[s.Inode] {
			ports = append(ports, int(s.Local.Port()))
		}
		return true
	}, sys.Listening)
	return ports
}
