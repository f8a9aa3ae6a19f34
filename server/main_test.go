package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/tests/nettest"
)

func TestBadUsage(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want []string // in the one line on stderr
	}{
		{"no such flag", []string{"--port", "1"}, []string{"--port", "did you mean --ports?"}},
		{"left over", []string{"10000"}, []string{`"10000"`}},
		{"bind is neither address nor name", []string{"--bind", "local host"}, []string{"--bind", `"local host"`}},
		{"bind is nobody's name", []string{"--bind", "no-such-host.invalid"},
			[]string{"--bind no-such-host.invalid", "127.0.0.1"}},
		{"two bad sizes", []string{"--max-message", "0", "--max-outbound", "0"}, []string{"--max-outbound 0"}},
		{"two bad times", []string{"--drain", "-1s", "--idle-timeout", "-1s"}, []string{"--drain -1s", "0.."}},
		{"control host", []string{"--control-host", "http://web.example/"}, []string{"control-host", "host name"}},
		{"relay that would time out", []string{"--relay", "10.0.0.1:10000:5", "--keepalive", "1m", "--idle-timeout",
			"1m"}, []string{"--idle-timeout", "relay"}},
		{"relay with workers", []string{"--relay", "10.0.0.1:10000:5", "--workers", "1"},
			[]string{"--workers", "one process"}},
		{"relay with a pool that is none", []string{"--relay", "10.0.0.1:10000:5", "--pool", "5"},
			[]string{"--pool 5", "--upstream pool"}},
		{"relay to itself by a name", []string{"--relay", "127.0.0.1:10100:5", "--bind", "localhost"},
			[]string{"--relay", "--tcp"}},
		{"bind has a zone", []string{"--bind", "fe80::1%lo"}, []string{"--bind", `"fe80::1%lo"`, "without"}},
		{"relay has a zone", []string{"--relay", "[fe80::1%lo]:10000:5"}, []string{"relay", `"fe80::1%lo"`, "without"}},
		{"bind is nobody's", []string{"--bind", "192.0.2.1", "--control", "none", "--max-conns", "10"},
			[]string{"--bind", "192.0.2.1"}},
		{"ports", []string{"--ports", "0"}, []string{"--ports", "1..4096"}},
		{"range", []string{"--tcp", "65000:1000"}, []string{"tcp", "65999", "1..65535"}},
		{"no range", []string{"--tcp", "10000"}, []string{"tcp", "FIRST:COUNT"}},
		{"none", []string{"--tcp", "none", "--ws", "none"}, []string{"--tcp", "--ws"}},
		{"overlap", []string{"--tcp", "10000:200", "--ws", "10100:200"}, []string{"--tcp", "--ws", "overlap"}},
		{"too many ports", []string{"--tcp", "1025:5000", "--ws", "20000:5000"}, []string{"10000 ports", "8192"}},
		{"control among the WebSocket ports", []string{"--control", "127.0.0.1:15005"}, []string{"--control", "--ws"}},
		{"message", []string{"--max-message", "2G"}, []string{"max-message"}},
		{"relay", []string{"--relay", "10000:200"}, []string{"relay", "ADDR:FIRST:COUNT"}},
		{"relay to itself", []string{"--relay", "127.0.0.1:10100:5"}, []string{"--relay", "--tcp"}},
		{"relay of frames", []string{"--relay", "10.0.0.1:10000:5", "--ws", "15000:5"}, []string{"--ws", "keepalive"}},
		{"upstream", []string{"--relay", "10.0.0.1:10000:5", "--upstream", "often"},
			[]string{"--upstream often", "per-request"}},
		{"upstream alone", []string{"--upstream", "pool"}, []string{"--upstream", "--relay"}},
		{"handshake", []string{"--handshake-timeout", "1ms"}, []string{"--handshake-timeout", "1s..1h"}},
		{"idle timeout", []string{"--idle-timeout", "5ms"}, []string{"--idle-timeout", "1s"}},
		{"keepalive", []string{"--keepalive", "10ms"}, []string{"--keepalive", "0 (never)", "1s..2h"}},
		{"short token", []string{"--control-token", "secret"}, []string{"control-token", "16..1024"}},
		{"token from nowhere", []string{"--control-token", "@/nonexistent"}, []string{"control-token", "/nonexistent"}},
		{"token from a name with orders to the terminal", []string{"--control-token", "@/nonexistent\n\x1b[2J"},
			[]string{"control-token", "/nonexistent"}},
		{"certificate without TLS", []string{"--cert", "a.pem", "--key", "b.pem"}, []string{"--cert", "--tls"}},
		{"certificate without a key", []string{"--tls", "--cert", "a.pem"}, []string{"--cert", "--key"}},
		{"certificate from nowhere", []string{"--tls", "--cert", "/nonexistent", "--key", "b.pem"},
			[]string{"--cert", "/nonexistent"}},
		{"authorities from nowhere", []string{"--tls", "--client-ca", "/nonexistent"},
			[]string{"--client-ca", "/nonexistent"}},
		{"no file of authorities", []string{"--tls", "--client-ca", "/proc/self/attr"},
			[]string{"--client-ca", "/proc/self/attr: is a directory"}},
		{"authorities that are none", []string{"--tls", "--client-ca", "/proc/sys/kernel/ostype"},
			[]string{"--client-ca", "/proc/sys/kernel/ostype: no certificate in PEM"}},
		{"a certificate without end", []string{"--tls", "--cert", "/dev/zero", "--key", "b.pem"},
			[]string{"--cert: /dev/zero: is a device"}},
		{"a token without end", []string{"--control-token", "@/dev/zero"},
			[]string{"--control-token: /dev/zero: is a device"}},
		{"no authorities at all", []string{"--tls", "--client-ca", ""}, []string{"--client-ca", "empty"}},
		{"a protocol without a name", []string{"--tls", "--alpn", "h2,,a"}, []string{"--alpn", "1..255"}},
		{"a relay of TLS", []string{"--relay", "10.0.0.1:10000:5", "--tls"}, []string{"--tls", "relay"}},
		{"drain", []string{"--drain", "-1s"}, []string{"--drain"}},
		{"control", []string{"--control", "9090"}, []string{"--control", "127.0.0.1:9090"}},
		{"control among the ports", []string{"--control", "127.0.0.1:10005"}, []string{"--control", "--tcp"}},
		{"connections", []string{"--max-conns", "lots"}, []string{"max-conns", `"lots"`}},
		{"workers", []string{"--workers", "100k", "--max-conns", "10"}, []string{"--workers"}},
		{"worker", []string{"--worker", "3"}, []string{"--worker", "INDEX/OF"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			status := run(context.Background(), tt.args, &stdout, &stderr)
			lines := strings.SplitAfter(stderr.String(), "\n")
			line := lines[max(0, len(lines)-2)]
			if len(lines) > 2 && !slices.Contains(tt.args, "localhost") { // which is told what it is
				line = stderr.String()
			}
			if status != 2 || strings.IndexFunc(line, unicode.IsControl) != len(line)-1 || stdout.Len() != 0 {
				t.Errorf("status %d, stderr %q, stdout %q; want 2 and one line", status, line, stdout.String())
			}
			for _, w := range tt.want {
				if !strings.Contains(line, w) {
					t.Errorf("%q lacks %q", line, w)
				}
			}
		})
	}
}

// A control port that somebody else has is a matter of the flags, with its cure.
func TestControlPortInUse(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var stdout, stderr bytes.Buffer
	status := run(context.Background(), []string{"--tcp", fmt.Sprintf("%d:1", nettest.FreePort(t)), "--max-conns", "10",
		"--control", l.Addr().String()}, &stdout, &stderr)
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	last := lines[len(lines)-1]
	if status != 2 || !strings.Contains(last, "--control "+l.Addr().String()) ||
		!strings.Contains(last, "choose another --control, or none") {
		t.Errorf("status %d, %q; want 2 and the cure", status, stderr.String())
	}
}

func TestWhatBindsTheFDLimit(t *testing.T) {
	if got := whatBinds(sys.Nofile{Soft: 4096, Hard: 4096}, 4096); !strings.Contains(got, "fs.nr_open") {
		t.Errorf("at fs.nr_open: %q", got)
	}
	if got := whatBinds(sys.Nofile{Soft: 4096, Hard: 4096}, 1<<20); !strings.Contains(got, "CAP_SYS_RESOURCE") {
		t.Errorf("below fs.nr_open: %q", got)
	}
}

func TestHelpAndVersion(t *testing.T) {
	var stdout, stderr bytes.Buffer
	status := run(context.Background(), []string{"--help"}, &stdout, &stderr)
	if status != 0 || !strings.HasPrefix(stdout.String(), "usage: server [flags]\n") || stderr.Len() > 0 {
		t.Errorf("--help: status %d, %q, %q", status, stdout.String(), stderr.String())
	}
	if n := strings.Count(stdout.String(), "\n"); n > 40 {
		t.Errorf("--help has %d lines, at most 40 fit a terminal", n)
	}
	for line := range strings.Lines(stdout.String()) {
		if len(line) > 81 {
			t.Errorf("--help has a line of %d columns: %q", len(line)-1, line)
		}
	}
	stdout.Reset()
	if status := run(context.Background(), []string{"--version"}, &stdout, &stderr); status != 0 ||
		!strings.HasPrefix(stdout.String(), "c10m server ") {
		t.Errorf("--version: status %d, %q", status, stdout.String())
	}
}
