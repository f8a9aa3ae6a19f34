package report

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/result"
)

// Every cause that the client or who merges counts has a cure, and every cure a cause that
// somebody counts.
func TestCures(t *testing.T) {
	if got, want := slices.Sorted(maps.Keys(cures)),
		slices.Sorted(slices.Values(append(loadgen.Causes(), result.AgentLost))); !slices.Equal(got, want) {
		t.Errorf("cures for\n%q\ncauses are\n%q", got, want)
	}
	for name, c := range cures {
		if c == "" || columns(c) > defaultWidth-4 || strings.Contains(c, "\n") {
			t.Errorf("%s: %d columns are no line of a report: %q", name, columns(c), c)
		}
		if cure("reconnect_"+name) != c {
			t.Errorf("a try to reconnect that fails of %s has another cure", name)
		}
	}
	for name, c := range securedCures {
		if cures[name] == "" || columns(c) > defaultWidth-4 || strings.Contains(c, "TLS") || strings.Contains(c, "tls") {
			t.Errorf("%s: of a run over TLS the cure is %q", name, c)
		}
	}
	if c := cure("nobody_counts_this"); c != "" {
		t.Errorf("an unknown cause has the cure %q", c)
	}
}

// A run over TLS is not told to use it, and rare alerts are named.
func TestCuresOverTLS(t *testing.T) {
	plain, secured := &result.Result{}, &result.Result{TLS: &result.TLS{}}
	mixed := &result.Result{TLS: &result.TLS{Mixed: true}}
	alerted := &result.Result{TLS: &result.TLS{Alerts: result.ErrorCounts{"user_canceled": 1, "internal_error": 1200}}}
	idle := &result.Result{TLS: &result.TLS{}, Conns: result.Conns{IdleTimeout: 60e9}}
	for _, tt := range []struct {
		name string
		r    *result.Result
		want string // "!": not these words
	}{
		{"read_closed", plain, "wants --tls"}, {"read_closed", mixed, "wants --tls"},
		{"read_closed", secured, "!--tls"}, {"reconnect_read_closed", secured, "!--tls"},
		{"read_closed", idle, "an idle timeout"}, {"handshake_status_308", secured, "!TLS"},
		{"tls_alert", secured, "--show-failure names it"},
		{"tls_alert", alerted, "(in all: internal_error 1,200, user_canceled 1): see its log"},
		{"read_alert", alerted, "internal_error 1,200"}, {"tls_alert_name", alerted, "--sni"},
	} {
		words, not := strings.CutPrefix(tt.want, "!")
		if got := cureFor(tt.name, tt.r); got == "" || strings.Contains(got, words) == not {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
