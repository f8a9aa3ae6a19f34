package diagnose

import (
	"fmt"
	"time"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// idleTimeout is that connections were closed because they were silent, which
// takes all of them, whatever the server has room for.
func idleTimeout(w *Window) []result.Finding {
	after := time.Duration(w.Conns.IdleTimeout)
	if after <= 0 || w.Conns.Idle == nil {
		return nil
	}
	i := w.Conns.Idle
	return []result.Finding{{Name: IdleTimeout, Severity: 97,
		Evidence: fmt.Sprintf("%d of %d connections were closed by the other end, nine of ten after %s to %s of silence, over %s",
			i.Count, w.Conns.Established, unit.Time(time.Duration(i.From)), unit.Time(time.Duration(i.To)), unit.Time(time.Duration(i.Seconds*float64(time.Second)))),
		Meaning: "All were lost at one age: an idle timeout of the server, or of a proxy or load balancer between, and no limit on how many there may be.",
		Cure: fmt.Sprintf("--interval %s sends on each connection before it counts as idle (from the end of the ramp and --settle on, so let these be shorter); or raise the timeout: server --idle-timeout, nginx proxy_timeout and proxy_read_timeout, haproxy timeout client, server and tunnel",
			unit.Time(after/2))}}
}
