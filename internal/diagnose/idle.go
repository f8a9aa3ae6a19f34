package diagnose

import "github.com/c10m/c10m/internal/result"

// IdleTimeout is that connections were closed because they were silent.
const IdleTimeout = "idle_timeout"

var idleRules = []rule{{[]string{IdleTimeout}, idleTimeout}}

// idleTimeout takes all connections of one age, whatever the server has room for. A
// message in half of that time keeps them.
func idleTimeout(w *Window) []result.Finding {
	after, i := w.Conns.IdleTimeout, w.Conns.Idle
	if after <= 0 || i == nil {
		return nil
	}
	return one(result.Found(IdleTimeout, 97).Count("closed", i.Count).Count("established", w.Conns.Established).
		Count("from_ns", i.From).Count("to_ns", i.To).Number("over_seconds", i.Seconds).Count("often_ns", after/2))
}
