package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/tests/rig"
)

// Client, relay and server in a namespace with 500 local ports: a relay that connects for
// every request runs out of them, one that keeps its connections does not, and the
// client's report says which it is.
func TestRelay(t *testing.T) {
	for _, tt := range []struct {
		upstream string
		runsOut  bool
	}{{"per-request", true}, {"pool", false}, {"keepalive", false}} {
		t.Run(tt.upstream, func(t *testing.T) {
			ns := namespace(t, "echo 40000 40499 >/proc/sys/net/ipv4/ip_local_port_range; echo 0 "+
				">/proc/sys/net/ipv4/tcp_tw_reuse")
			behind := start(t, 1, ns, "--max-conns", "1000")
			front := 30000
			args := []string{filepath.Join(bin, "server"), "--tcp", fmt.Sprintf("%d:1", front), "--control", "none",
				"--max-conns", "1000", "--relay", fmt.Sprintf("127.0.0.1:%d:1", behind.first), "--upstream", tt.upstream}
			if tt.upstream == "pool" {
				args = append(args, "--pool", "10")
			}
			relay := in(ns, args...)
			relay.Stderr = os.Stderr
			if err := relay.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = relay.Process.Kill(); _ = relay.Wait() }()
			awaitPort(t, ns, front)
			o := client(t, ns, nil, "churn", "--mode", "pool", "--pool", "20", "--users", "20", "--duration", "1500ms",
				"--timeout", "1s",
				"--first-port", fmt.Sprint(front), "--server-control", "none")
			if o.Result == nil {
				t.Fatalf("status %d: %s", o.Status, o.Stderr)
			}
			ranOut := false
			for _, f := range o.Result.Findings {
				if f.Code == "local_ports_used_up" && f.Words["to"] == fmt.Sprintf("127.0.0.1:%d", behind.first) &&
					f.Severity >= result.Limits {
					ranOut = true
				}
			}
			if n, _ := cell(t, report.Tables(o.Result)[0], 0, "TW others"); n > 100 != tt.runsOut {
				t.Errorf("%g in TIME_WAIT between the relay and its server", n)
			}
			if ranOut != tt.runsOut {
				t.Errorf("local ports of the relay used up: %v, want %v; %+v, %s", ranOut, tt.runsOut,
					o.Result.Findings, report.Verdict(o.Result))
			}
			if !tt.runsOut && o.Result.Conns.Lost > 0 {
				t.Errorf("conns %+v: %s", o.Result.Conns, report.Verdict(o.Result))
			}
		})
	}
}

// WebSocket over a relay that keeps a connection for each client: handshakes,
// frames and orderly closes pass it unchanged, both ways.
func TestRelayWebSocket(t *testing.T) {
	const conns = 200
	behind, port := wsPorts(t, 1, "--max-conns", "1000")
	front := start(t, 1, nil, "--max-conns", "1000", "--relay", fmt.Sprintf("127.0.0.1:%d:1", port), "--upstream",
		"keepalive")
	o := client(t, nil, nil, "hold", "--proto", "ws", "--first-port", fmt.Sprint(front.first), "--ports", "1",
		"--server-control", "none",
		"--conns", fmt.Sprint(conns), "--hold", "1s", "--interval", "200ms", "--size", "1000", "--verify",
		fmt.Sprint(conns), "--close", "fin")
	whole(t, o, conns)
	if e := o.Result.Echo; e.Received < 2*conns || e.Verified != conns || o.Result.Setup.Handshake.Count != conns {
		t.Errorf("%+v, %+v; want %d handshakes, messages over each, and all verified", *e, o.Result.Setup.Handshake,
			conns)
	}
	await(t, "the ends", func() bool { return behind.report(t).Open == 0 && front.report(t).Open == 0 })
	if r := front.report(t); r.Relay.Opened < conns || len(r.Relay.Failed) > 0 || len(r.Refused) > 0 {
		t.Errorf("the relay counts %+v, %v; want %d upstream connections at least, and no failure", *r.Relay, r.Refused,
			conns)
	}
}

// nginxConf is a proxy before a server of the same nginx, with upstream keepalive or
// without.
const nginxConf = `keepalive_requests 1000000;
upstream behind { server 127.0.0.1:10081; %s }
server { listen 127.0.0.1:10080; location / { proxy_pass http://behind; %s } }
server { listen 127.0.0.1:10081; location / { return 200 "hello"; } }`

// load makes many requests over each of ten connections.
const load = `
import http.client, sys, threading
def user():
    c = http.client.HTTPConnection("127.0.0.1", 10080)
    for _ in range(300):
        c.request("GET", "/")
        r = c.getresponse(); r.read()
        assert r.status == 200, r.status
threads = [threading.Thread(target=user) for _ in range(10)]
[t.start() for t in threads]; [t.join() for t in threads]
`

// nginxIn runs nginx in a namespace until the test ends, with these directives in its
// http block, and waits until a port of loopback there accepts.
func nginxIn(t *testing.T, ns []string, http string, port int) (pid int) {
	t.Helper()
	dir := t.TempDir()
	nginx := in(ns, "/usr/sbin/nginx", "-c", rig.File(t, dir, "nginx.conf", rig.NginxConf(dir, http)), "-p", dir,
		"-g", "user root;")
	if err := nginx.Start(); err != nil {
		t.Fatalf("start nginx (make test installs it): %v", err)
	}
	t.Cleanup(func() {
		_ = nginx.Process.Signal(syscall.SIGTERM) // to the master, which ends its worker
		_ = nginx.Wait()
	})
	awaitPort(t, ns, port)
	return nginx.Process.Pid
}

// A real nginx, with and without upstream keepalive: client diagnose shows the
// thousands of sockets in TIME_WAIT that keep-alive does away with.
func TestNginxKeepAlive(t *testing.T) {
	for _, tt := range []struct {
		name, upstream, location string
		many                     bool
	}{
		{"without", "", "", true},
		{"with", "keepalive 16;", `proxy_http_version 1.1; proxy_set_header Connection "";`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ns := namespace(t, "")
			pid := nginxIn(t, ns, fmt.Sprintf(nginxConf, tt.upstream, tt.location), 10080)
			file := filepath.Join(t.TempDir(), "d.json")
			look := in(ns, filepath.Join(bin, "client"), "diagnose", "--pid", fmt.Sprint(pid), "--duration",
				"1h", "--json", file, "--quiet")
			if err := look.Start(); err != nil {
				t.Fatal(err)
			}
			if out, err := in(ns, "/usr/bin/python3", "-c", load).CombinedOutput(); err != nil {
				t.Errorf("load: %v: %s", err, out)
			}
			_ = look.Process.Signal(os.Interrupt)
			_ = look.Wait()
			r := stored(t, file)
			many := false
			for _, f := range r.Findings {
				many = many || f.Code == "many_in_time_wait"
				if f.Code == "one_hot_shard" {
					t.Errorf("one worker and its master: %+v", f)
				}
			}
			if many != tt.many {
				t.Errorf("many in TIME_WAIT: %v, want %v; findings %+v", many, tt.many, r.Findings)
			}
		})
	}
}
