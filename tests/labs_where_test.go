package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/report"
)

// Every scenario over WebSocket, against a running server, and against one that it
// starts itself.
func TestLabsOverWebSocket(t *testing.T) {
	s, port := wsPorts(t, 1, "--max-conns", "1000")
	there := []string{"--proto", "ws", "--first-port", fmt.Sprint(port), "--server-control", "http://" + s.control}
	for _, tt := range []struct {
		name string
		args []string
		root bool
		want string // in the verdict
	}{
		{"stress", append([]string{"stress", "--users", "5", "--loops", "20", "--mode", "keepalive"}, there...), false,
			"5 users did 100 transactions"},
		{"peak", append([]string{"peak", "--from", "2", "--max", "4", "--each", "200ms", "--until", "errors>0.1%",
			"p99>1m"}, there...), false, "It carries 4 users"},
		{"soak", append([]string{"soak", "--users", "3", "--duration", "1s", "--every", "50ms"}, there...), false,
			" transactions in 1"},
		{"sweep", []string{"sweep", "--server-flag", "workers=1,2", "--repeat", "1", "--", "stress", "--proto", "ws",
			"--users", "5", "--loops", "20"}, false, "No difference"},
		{"churn, a server of its own", []string{"churn", "--proto", "ws", "--tw-reuse", "1", "--users", "5",
			"--duration", "200ms"}, true, "a new connection for every message"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.root && os.Getuid() != 0 {
				t.Skip("a network namespace needs root")
			}
			// A soak of a second may take the warming up of a server for a leak.
			o := client(t, nil, nil, tt.args...)
			if r := o.Result; r == nil || o.Status != 0 && !r.Leak || r.Proto != "ws" ||
				!strings.Contains(report.Verdict(r), tt.want) || r.Conns.Failed+r.Conns.Lost != 0 {
				t.Errorf("status %d, %+v; %s", o.Status, r, o.Stderr)
			}
		})
	}
}

// --server: the scenario starts the given command in a network namespace.
func TestLabsStartAServer(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a network namespace needs root")
	}
	server := filepath.Join(bin, "server") + " --tcp 10000:1 --control none --max-conns 1000 --close-on-eot"
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		want   string // in the verdict, or on stderr where there is none
	}{
		{"churn", []string{"churn", "--server", server, "--users", "5", "--duration", "200ms", "--first-close",
			"server"}, 0, "TIME_WAIT gathers on the server"},
		{"churn, one that ends", []string{"churn", "--server", server + " --max-conns 0", "--duration", "200ms"}, 1,
			"it ended at once"},
		{"sweep", []string{"sweep", "--server", server, "--server-flag", "workers=1,2", "--repeat", "1", "--", "churn",
			"--users", "5", "--duration", "200ms"}, 0, "No difference"},
		{"sweep, one that ends", []string{"sweep", "--server", server, "--server-flag", "workers=none,1", "--repeat",
			"1", "--", "stress", "--users", "5", "--loops", "9"}, 1,
			"Only workers=1 did what was asked of it. Not judged: workers=none could not run"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := client(t, nil, nil, tt.args...)
			said := o.Stderr
			if o.Result != nil {
				said = report.Verdict(o.Result)
			}
			if o.Status != tt.status || !strings.Contains(said, tt.want) {
				t.Errorf("status %d, %q, want %d, %q; %s", o.Status, said, tt.status, tt.want, o.Stderr)
			}
		})
	}
}

// Of a server that is not ours only the port is known: its memory is measured all the
// same.
func TestLabsOfAServerThatIsNotOurs(t *testing.T) {
	port := python(t, holding)
	there := []string{"--first-port", fmt.Sprint(port), "--server-control", "none"}
	o := client(t, nil, nil, append([]string{"stress", "--users", "5", "--loops", "20"}, there...)...)
	if r := o.Result; o.Status != 0 || r == nil || r.Echo.Received != 100 ||
		!strings.Contains(report.Verdict(r), "memory ") {
		t.Errorf("stress: status %d, %+v; %s", o.Status, r, o.Stderr)
	}
	o = client(t, nil, nil, append([]string{"peak", "--from", "2", "--max", "4", "--each", "200ms", "--until",
		"p99>1m"}, there...)...)
	if r := o.Result; o.Status != 0 || r == nil ||
		!strings.Contains(report.Verdict(r), "It carries 4 users, the most that was tried") ||
		len(report.Tables(r)[0].Rows) != 2 {
		t.Errorf("peak: status %d, %+v; %s", o.Status, r, o.Stderr)
	}
}
