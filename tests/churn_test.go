package tests

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/report"
)

// cell is a number of a table's row, by the column's name; text is "".
func cell(t *testing.T, table report.Table, row int, column string) (n float64, text string) {
	t.Helper()
	for i, c := range table.Columns {
		if c.Name == column {
			n, _ = table.Rows[row][i].(float64)
			text, _ = table.Rows[row][i].(string)
			return n, text
		}
	}
	t.Fatalf("table %q has no column %q", table.Title, column)
	return 0, ""
}

// The end that closes first has the sockets in TIME_WAIT, in every mode and over both
// protocols.
func TestChurn(t *testing.T) {
	ns := namespace(t, "")
	s := start(t, 2, ns, "--close-on-eot", "--max-conns", "1000", "--control", "none", "--ws", "40000:1")
	tests := []struct {
		name           string
		flags          []string
		client, server bool // have TIME_WAIT
	}{
		{"per-request, client", nil, true, false},
		{"per-request, server", []string{"--first-close", "server"}, false, true},
		{"keepalive, client", []string{"--mode", "keepalive", "--requests", "3"}, true, false},
		{"keepalive, server", []string{"--mode", "keepalive", "--requests", "3", "--first-close", "server"}, false, true},
		{"pool", []string{"--mode", "pool", "--pool", "3"}, false, false},
		{"WebSocket, client", []string{"--proto", "ws"}, true, false},
		{"WebSocket, server", []string{"--proto", "ws", "--first-close", "server"}, false, true},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			port := s.first + i%2
			if strings.HasPrefix(tt.name, "WebSocket") {
				port = 40000
			}
			inside(t, ns, "ss -K state time-wait >/dev/null") // of the run before
			o := client(t, ns, nil, append([]string{"churn", "--first-port", fmt.Sprint(port), "--server-control",
				"none", "--users", "20", "--duration", "500ms"}, tt.flags...)...)
			r := o.Result
			if r == nil {
				t.Fatalf("status %d: %s", o.Status, o.Stderr)
			}
			if o.Status != 0 || r.Echo == nil || r.Echo.Received < 20 || r.Conns.Failed+r.Conns.Lost != 0 ||
				len(report.Tables(r)) < 2 || report.Verdict(r) == "" {
				t.Fatalf("status %d, echo %+v, conns %+v, verdict %q; %s", o.Status, r.Echo, r.Conns, report.Verdict(r), o.Stderr)
			}
			c, _ := cell(t, report.Tables(r)[0], 0, "TW client")
			v, _ := cell(t, report.Tables(r)[0], 0, "TW server")
			if c > 0 != tt.client || v > 0 != tt.server {
				t.Errorf("TIME_WAIT: client %g, server %g; want %v, %v. %s", c, v, tt.client, tt.server, report.Verdict(r))
			}
			if tt.name == "pool" && r.Conns.Established > 3 {
				t.Errorf("%d connections in a pool of 3", r.Conns.Established)
			}
		})
	}
}

// A server that was to close first and never does.
func TestChurnOfAServerThatDoesNotClose(t *testing.T) {
	port := listen(t, func(c net.Conn) { _, _ = io.Copy(c, c) })
	o := client(t, nil, nil, "churn", "--first-port", fmt.Sprint(port), "--server-control", "none", "--first-close",
		"server", "--users", "5", "--duration", "300ms")
	if r := o.Result; o.Status != 1 || r == nil || r.Conns.Errors["close_timeout"] == 0 ||
		!strings.Contains(report.Verdict(r), "did not close first") {
		t.Fatalf("status %d, %+v; %s", o.Status, r, o.Stderr)
	}
	if _, first := cell(t, report.Tables(o.Result)[0], 0, "closes first"); first != "client (server did not)" {
		t.Errorf("closes first: %q", first)
	}
}

// A few local ports, none used again: they run out, and that is said first.
func TestChurnRunsOutOfPorts(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a network namespace needs root")
	}
	o := client(t, nil, nil, "churn", "--users", "20", "--duration", "1500ms", "--tw-reuse", "0", "--port-range",
		"40000:40149") // so few that a machine with much else to do gets through them, too
	if o.Status != 1 || o.Result == nil {
		t.Fatalf("status %d, want 1: %s", o.Status, o.Stderr)
	}
	if complaint := firstFinding(o.Result, "local_ports_used_up", "EADDRNOTAVAIL", "in TIME_WAIT"); complaint != "" {
		t.Error(complaint)
	}
	if n, _ := cell(t, report.Tables(o.Result)[0], 0, "TW client"); n < 110 || n > 150 ||
		!strings.Contains(report.Verdict(o.Result), "ran out") {
		t.Errorf("TIME_WAIT of the client %g, want nearly 150; %s", n, report.Verdict(o.Result))
	}
	// The same with ports that are used again.
	o = client(t, nil, nil, "churn", "--mode", "keepalive", "--requests", "200", "--users", "20", "--duration", "1s",
		"--tw-reuse", "1", "--port-range", "40000:44999", "--max-tw", "100")
	if n, _ := cell(t, report.Tables(o.Result)[0], 0, "no port"); o.Status != 0 || n != 0 {
		t.Errorf("status %d, %g connects without a port; %s", o.Status, n, report.Verdict(o.Result))
	}
	if n, _ := cell(t, report.Tables(o.Result)[0], 0, "TW client"); n > 100 {
		t.Errorf("%g in TIME_WAIT, --max-tw 100", n)
	}
}

func TestChurnMatrix(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a network namespace needs root")
	}
	o := client(t, nil, nil, "churn", "--matrix", "--users", "10", "--duration", "200ms")
	if o.Status != 0 || len(report.Tables(o.Result)) != 1 || len(report.Tables(o.Result)[0].Rows) != 13 {
		t.Fatalf("status %d, tables %+v; %s", o.Status, report.Tables(o.Result), o.Stderr)
	}
	for i := range report.Tables(o.Result)[0].Rows {
		mode, _ := report.Tables(o.Result)[0].Rows[i][0].(string)
		rate, _ := cell(t, report.Tables(o.Result)[0], i, "transactions")
		c, _ := cell(t, report.Tables(o.Result)[0], i, "TW client")
		_, first := cell(t, report.Tables(o.Result)[0], i, "closes first")
		if rate <= 0 || c > 0 != (first == "client") {
			t.Errorf("row %d, %s, %s closes first: %g/s, %g in TIME_WAIT on the client", i, mode, first, rate, c)
		}
	}
	if !strings.Contains(report.Verdict(o.Result), "keep-alive carries") {
		t.Errorf("verdict %q", report.Verdict(o.Result))
	}
}

// Without root a flag that changes settings of the network is refused.
func TestChurnNeedsRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir, bin} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("setpriv", "--reuid", "65534", "--clear-groups", filepath.Join(bin, "client"), "churn",
		"--tw-reuse", "1").CombinedOutput()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 2 || strings.Count(string(out), "\n") != 1 ||
		!strings.Contains(string(out), "--tw-reuse") || !strings.Contains(string(out), "root") {
		t.Errorf("%v: %s; want status 2 and one line with the reason", err, out)
	}
}
