package scenario

import (
	"context"
	"strconv"
	"strings"

	"github.com/c10m/c10m/internal/foreign"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
)

// findForeign looks at the server that --server-pid names.
func (p *Prepared) findForeign(ctx context.Context, o Options, fp proc.FS) error {
	pids := pidsText(o.ServerPIDs)
	s, err := foreign.Find(fp, foreign.Who{PIDs: o.ServerPIDs})
	if err != nil {
		return usage(result.Warn("server_pid_unfit").Word("pids", pids).Because(err))
	}
	c := newControl(ctx, "")
	c.foreign = s
	r, err := c.counts(ctx)
	if err != nil {
		return usage(result.Warn("server_pid_unfit").Word("pids", pids).Because(err))
	}
	if len(r.Ports) == 0 {
		return usage(result.Warn("server_pid_listens_nowhere").Word("pids", pids).Word("process", s.String()))
	}
	p.control, p.Server, p.Place = c, r, findPlace(&o.Target, r, fp)
	if p.Elsewhere = !isOf(r, o.Host(), o.Ports()); p.Elsewhere {
		p.warn(result.Warn("process_serves_other_ports").Word("process", s.String()).Word("ports", portsText(r)))
	}
	return nil
}

// pidsText are process numbers as --server-pid takes them.
func pidsText(pids []int) string {
	var words []string
	for _, pid := range pids {
		words = append(words, strconv.Itoa(pid))
	}
	return strings.Join(words, ",")
}

// warnEnded warns of a server that is not ours and did not outlast the run.
func (p *Prepared) warnEnded() {
	if p.control.foreign == nil {
		return
	}
	if err := p.control.foreign.Alive(); err != nil {
		p.warn(result.Warn("server_process_ended").Because(err))
	}
}
