package tests

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/report"
)

// Messages of 64 bytes against 200,000 differ by more than noise. The sweep starts the
// servers itself.
func TestSweep(t *testing.T) {
	tries(t, func() string {
		o := client(t, nil, nil, "sweep", "--size", "200000,64", "--repeat", "4", "--", "echo", "--conns", "10",
			"--duration", "300ms")
		r := o.Result
		if o.Status != 0 || r == nil || len(report.Tables(r)) != 1 || len(report.Tables(r)[0].Rows) != 2 {
			return fmt.Sprintf("status %d, %+v; %s", o.Status, r, o.Stderr)
		}
		if !strings.HasPrefix(report.Verdict(r), "Best is size=64.") {
			return fmt.Sprintf("verdict %q, table %v", report.Verdict(r), report.Tables(r)[0].Rows)
		}
		if n, _ := cell(t, report.Tables(r)[0], 0, "runs"); n != 4 {
			return fmt.Sprintf("%g runs, want 4", n)
		}
		return ""
	})
}

// A sysctl, in network namespaces of the sweep's own, and a flag of the server.
func TestSweepOfSettings(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a network namespace needs root")
	}
	o := client(t, nil, nil, "sweep", "--sysctl", "net.core.somaxconn=64,4096", "--server-flag", "workers=1,2",
		"--repeat", "1", "--metric", "echo.latency.p99",
		"--", "churn", "--users", "5", "--duration", "200ms")
	if r := o.Result; o.Status != 0 || r == nil || len(report.Tables(r)[0].Rows) != 4 ||
		!strings.Contains(report.Verdict(r), "No difference") || !strings.Contains(report.Verdict(r), "--repeat 5 could") {
		t.Fatalf("status %d, %+v; %s", o.Status, r, o.Stderr)
	}
}

// A variant whose server refuses most connections is quick with the others, but it is not
// the best.
func TestSweepOfAServerThatIsFull(t *testing.T) {
	o := client(t, nil, nil, "sweep", "--server-flag", "max-conns=50,1000", "--repeat", "1", "--", "echo", "--conns",
		"200", "--duration", "300ms", "--verify", "0")
	r := o.Result
	if o.Status != 1 || r == nil || len(report.Tables(r)[0].Rows) != 2 ||
		!strings.HasPrefix(report.Verdict(r),
			"Only max-conns=1000 did what was asked of it. Not judged: max-conns=50 fell short") {
		t.Fatalf("status %d, %+v; %s", o.Status, r, o.Stderr)
	}
	short, _ := cell(t, report.Tables(r)[0], 0, "short")
	if n, _ := cell(t, report.Tables(r)[0], 0, "errors"); short != 1 || n < 100 {
		t.Errorf("%g runs fell short, %g errors; want 1 and about 150", short, n)
	}
}

// The TIME_WAIT of a run must not be there in the next: each leaves 300 local
// ports of 400 in it.
func TestSweepRunsAreApart(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a network namespace needs root")
	}
	o := client(t, nil, nil, "sweep", "--sysctl", "net.ipv4.tcp_tw_reuse=0", "--sysctl",
		"net.ipv4.ip_local_port_range=40000 40399,41000 41399", "--repeat", "2",
		"--", "stress", "--users", "5", "--loops", "60", "--mode", "per-request", "--close", "fin")
	r := o.Result
	if o.Status != 0 || r == nil || len(report.Tables(r)[0].Rows) != 2 {
		t.Fatalf("status %d, %+v; %s", o.Status, r, o.Stderr)
	}
	for i := range report.Tables(r)[0].Rows {
		if n, _ := cell(t, report.Tables(r)[0], i, "errors"); n != 0 {
			t.Errorf("row %d: %g errors: %s", i, n, o.Stderr)
		}
	}
}

// One of two values is illegal for the server: it has a row of its own.
func TestSweepWithOneBadValue(t *testing.T) {
	o := client(t, nil, nil, "sweep", "--server-flag", "workers=none,1", "--repeat", "1", "--", "echo", "--conns", "10",
		"--duration", "200ms")
	r := o.Result
	if o.Status != 1 || r == nil || len(report.Tables(r)[0].Rows) != 2 ||
		!strings.Contains(report.Verdict(r), "workers=none could not run") {
		t.Fatalf("status %d, %+v; %s", o.Status, r, o.Stderr)
	}
	if _, why := cell(t, report.Tables(r)[0], 0, "could not run"); !strings.Contains(why, "--workers") {
		t.Errorf("row of workers=none: %q", why)
	}
}

// The only value is illegal for the server: one line says which variant it is.
func TestSweepWithABadValue(t *testing.T) {
	o := client(t, nil, nil, "sweep", "--server-flag", "workers=none", "--repeat", "1")
	if o.Status == 0 || o.Result != nil || strings.Count(o.Stderr, "\n") != 1 ||
		!strings.Contains(o.Stderr, "workers=none") {
		t.Errorf("status %d: %s", o.Status, o.Stderr)
	}
}
