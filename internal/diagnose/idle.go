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
	after, i := time.Duration(w.Conns.IdleTimeout), w.Conns.Idle
	if after <= 0 || i == nil {
		return nil
	}
	often := unit.Duration((after / 2).Round(time.Millisecond)) // as --interval takes it
	return []result.Finding{{Name: IdleTimeout, Severity: 97,
		Evidence: fmt.Sprintf("%s of %s connections were closed by the other end, nine of ten after %s to %s of silence, over %s",
			unit.Commas(i.Count), unit.Commas(w.Conns.Established), unit.Nanos(i.From), unit.Nanos(i.To), unit.Seconds(i.Seconds)),
		Meaning: "All were lost at one age: an idle timeout of the server, or of a proxy or load balancer between, " +
			"and no limit on how many there may be.",
		Cure: "--interval " + often.String() + " sends on each connection before it counts as idle (from the end of the ramp " +
			"and --settle on, so let these be shorter); or raise the timeout: server --idle-timeout, nginx proxy_timeout " +
			"and proxy_read_timeout, haproxy timeout client, server and tunnel"}}
}
