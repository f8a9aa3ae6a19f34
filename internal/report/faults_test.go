package report

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

// What others say around a fault stays, and what it follows from is told in the same
// way.
func TestError(t *testing.T) {
	refused := &result.Fault{What: result.Warn("not_at_address").Word("address", "192.0.2.1:80").
		Because(syscall.ECONNREFUSED), Err: syscall.ECONNREFUSED}
	unreachable := &result.Fault{What: result.Warn("server_not_reachable").Count("ports", 2000).Because(refused),
		Err: refused}
	gone := &result.Fault{What: result.Warn("server_gone").Word("said", "no fds")}
	const sentence = "server not reachable: 192.0.2.1:80: connection refused: start one there (bin/server --ports " +
		"2000), or name another with --host, --first-port and --ports"
	for _, tt := range []struct {
		err  error
		want string
	}{
		{errors.New("as it is"), "as it is"},
		{refused, "192.0.2.1:80: connection refused"},
		{unreachable, sentence},
		{fmt.Errorf("churn pool: %w", unreachable), "churn pool: " + sentence},
		{fmt.Errorf("%w; %w", refused, gone), "192.0.2.1:80: connection refused; the server ended: no fds"},
		{&result.Fault{What: result.Warn("server_gone")}, "the server ended"},
		{&result.Fault{What: result.Warn("of_tomorrow").Count("n", 3).Because(gone)},
			"of_tomorrow, n 3: the server ended: no fds"},
	} {
		if got := Error(tt.err); got != tt.want {
			t.Errorf("%v:\n%s, want\n%s", tt.err, got, tt.want)
		}
	}
	if err := fmt.Errorf("churn: %w", unreachable); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v is not what it follows from", err)
	}
}
