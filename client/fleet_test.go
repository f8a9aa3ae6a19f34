package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/fleet"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/internal/unit"
)

// What agents get is the coordinator's line without what is its own.
func TestForAgents(t *testing.T) {
	for _, tt := range []struct{ scenario, line, want string }{
		{"hold", "client hold --fleet 3 --conns 10M --size 32 --json a.json", "hold --size 32 --server-control=none"},
		{"hold", "client --fleet=3 --json=a --reconnect --quiet --hold 1m",
			"hold --reconnect --hold 1m --server-control=none"},
		{"echo", "client echo --rate 5k/s --cap=9 --listen 10.0.0.5:1 --fail-if conns.failed>0",
			"echo --rate 5k/s --server-control=none"},
		{"stress", "client --fleet 2 stress --users 10 --loops 5 --creds f --nats tls://x",
			"stress --loops 5 --server-control=none"},
		{"hold", "client hold --fleet", "hold --server-control=none"},
		// The process is of the coordinator's machine.
		{"hold", "client hold --fleet 2 --server-pid 12,13 --size 32", "hold --size 32 --server-control=none"},
	} {
		if got := forAgents(tt.scenario, strings.Fields(tt.line), flagsOf(tt.scenario)); strings.Join(got,
			" ") != tt.want {
			t.Errorf("%s: %q, want %q", tt.line, got, tt.want)
		}
	}
}

// Stages are shared like connections, and each agent's texts go on where those of the
// one before it end.
func TestSharesOfStages(t *testing.T) {
	h := newHold()
	words := strings.Fields("hold --stage 90@30/s --stage hold=1s --stage 10@max --message id{i}")
	if err := read(t.Context(), words, h.runs, h.check); err != nil {
		t.Fatal(err)
	}
	s := h.sharing()
	if s.whole.Rate != 30 {
		t.Errorf("agents begin at %v", s.whole.Rate)
	}
	s.args = forAgents("hold", append([]string{"client"}, words...), flagsOf("hold"))
	shares, err := plan.Shares(s.whole, []plan.Room{{Agent: "a"}, {Agent: "b"}, {Agent: "c"}})
	if err != nil {
		t.Fatal(err)
	}
	lines, err := s.lines(shares)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]int64{{30, 30, 4}, {30, 30, 3}, {30, 30, 3}} {
		j, err := parsePart(t.Context(), lines[i], nil)
		if err != nil {
			t.Fatalf("%q: %v", lines[i], err)
		}
		var got []int64
		for _, one := range j.Run.Stages {
			got = append(got, one.Conns)
		}
		if !slices.Equal(got, want) || j.Run.Stages[0].Rate != 10 || j.Run.First != int64(30*i) || j.Run.Conns.N != 30 {
			t.Errorf("%q: stages %v from %d, want %v from %d", lines[i], got, j.Run.First, want, 30*i)
		}
	}
}

// The shares of a run are flags that the client takes, and add up to the whole.
func TestSharesAreFlags(t *testing.T) {
	rooms := []plan.Room{{Agent: "a"}, {Agent: "b"}, {Agent: "c"}}
	for _, line := range []string{"hold --conns 100 --rate 1k/s --verify 10",
		"echo --conns 100 --rate 10/s --connect-rate max", "stress --users 100",
		"churn --users 100 --mode pool --pool 10"} {
		words := strings.Fields(line)
		var s sharing
		switch words[0] {
		case "stress":
			u := newStress()
			if err := read(t.Context(), words, u.runs, func() error { return u.settle(u.n) }); err != nil {
				t.Fatal(err)
			}
			s = u.sharing(0)
		case "churn":
			c := newChurn()
			if err := read(t.Context(), words, c.runs, c.check); err != nil {
				t.Fatal(err)
			}
			s = c.sharing(c.pooled())
		default:
			h := map[string]*target{"hold": newHold(), "echo": newEcho().target}[words[0]]
			if err := read(t.Context(), words, h.runs, h.check); err != nil {
				t.Fatal(err)
			}
			s = h.sharing()
		}
		s.args = forAgents(words[0], append([]string{"client"}, words...), flagsOf(words[0]))
		shares, err := plan.Shares(s.whole, rooms)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := s.lines(shares)
		if err != nil {
			t.Fatal(err)
		}
		var conns, verify, users int64
		var connects, messages unit.Rate
		for i, one := range lines {
			j, err := parsePart(t.Context(), one, nil)
			if err != nil {
				t.Fatalf("%s: %q: %v", line, one, err)
			}
			if conns += j.Run.Conns.N; j.Run.Conns.N != s.conns[i] {
				t.Errorf("%q has %d connections, and is said to have %d", one, j.Run.Conns.N, s.conns[i])
			}
			verify, users = verify+j.Run.Verify, users+j.Run.Users
			connects, messages = connects+j.Run.Rate, messages+j.Run.MessageRate
		}
		near := func(a, b unit.Rate) bool { return a-b < 0.001 && b-a < 0.001 }
		want := int64(100)
		if s.pool > 0 {
			want = 10
		}
		if conns != want || verify != min(s.whole.Verify, 100) || !near(connects, s.whole.Rate) ||
			!near(messages, s.whole.MessageRate) || (words[0] == "stress" || words[0] == "churn") && users != 100 {
			t.Errorf("%s: %d connections, %d verified, %v and %v a second, %d users", line, conns, verify, connects,
				messages, users)
		}
	}
	s := newStress().sharing(2)
	if _, err := s.lines([]plan.Share{{Conns: 1}, {Conns: 1}, {Conns: 1}}); err == nil {
		t.Error("a pool of 2 is shared by 3")
	}
}

// An agent loads what it is allowed to, and executes nothing but runs.
func TestAgentAllows(t *testing.T) {
	var allow prefixes
	for _, s := range []string{"127.0.0.0/8", "fd00::/8", "10.1.2.3"} {
		if err := allow.Set(s); err != nil {
			t.Fatal(err)
		}
	}
	if allow.Set("10.0.0.0/99") == nil || allow.Set("localhost") == nil {
		t.Error("what is no CIDR is taken")
	}
	w := &work{allow: allow}
	for line, want := range map[string]string{
		"hold --host 127.0.0.1":                               "",
		"hold --host 10.1.2.3 --conns 5":                      "",
		"hold --host 10.1.2.4":                                "is not allowed here",
		"hold --host 127.0.0.1,10.9.9.9":                      "",
		"hold --server-control http://169.254.169.254/latest": "--server-control",
		"hold --server-control http://metadata.internal/":     "--server-control",
		"hold --server-control http://127.0.0.1:9090":         "",
		"soak":                                "no run that agents share",
		"hold --json x":                       "--json",
		"hold --server-pid 1":                 "--server-pid",
		"hold --dash 127.0.0.1:0":             "--dash",
		"hold --otlp http://10.9.9.9":         "--otlp",
		"churn --sysctl net.core.somaxconn=1": "--sysctl",
		"churn --server reboot":               "--server",
		"hold --path @/etc/passwd":            "read no files",
		"hold --path=@/etc/passwd":            "read no files",
		"hold --fleet 3":                      "--fleet",
		"hold --conns none":                   "none",
		"hold --header a:b --header c:d --path /x --proto ws --size 8 --text": "",
	} {
		if strings.Contains(line, ",10.9.9.9") {
			want = "10.9.9.9 is not allowed"
		}
		_, err := w.job(t.Context(), strings.Fields(line), nil)
		if want == "" && err != nil || want != "" &&
			(!errors.Is(err, fleet.ErrUsage) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
	if !prefixes(nil).has(netip.MustParseAddr("192.0.2.1")) {
		t.Error("without --allow not everything is allowed")
	}
}

// FuzzAgentLine: no line of a coordinator crashes an agent, or is taken where it names
// a server that the agent does not allow.
func FuzzAgentLine(f *testing.F) {
	for _, s := range []string{"", "hold", "hold\n--host\n10.0.0.1", "echo\n--rate\n1", "churn\n--matrix",
		"hold\n--json\nx", "hold\n--\n--json", "stress\n--users=5", "hold\n--host=127.0.0.1,::1"} {
		f.Add(s)
	}
	w := &work{allow: prefixes{netip.MustParsePrefix("127.0.0.0/8")}}
	f.Fuzz(func(t *testing.T, line string) {
		words := strings.Split(line, "\n")
		if slices.ContainsFunc(words, func(s string) bool { return strings.Contains(s, "host") && s != "--host" }) ||
			slices.Contains(words, "--host") {
			for _, s := range words { // no names: nobody is asked for them here
				if strings.ContainsAny(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") &&
					!strings.HasPrefix(s, "--") && s != words[0] {
					t.Skip()
				}
			}
		}
		j, err := w.job(t.Context(), words, nil)
		if err == nil && !w.allow.has(j.Run.Host()) {
			t.Errorf("%q is taken for %s", line, j.Run.Host())
		}
	})
}

// Bad flags of a fleet are one line, and exit status 2.
func TestFleetUsage(t *testing.T) {
	for line, want := range map[string]string{
		"agent": "--join or --nats", "agent --join a --nats nats://127.0.0.1": "--join or --nats",
		"agent --nats nats://10.0.0.5:4222": "TLS", "agent --nats tls://10.0.0.5:4222": "--creds",
		"agent --join a --creds b":                                       "--creds",
		"agent --join /proc":                                             "--join /proc: is a directory",
		"agent --join /dev/zero":                                         "--join /dev/zero: is a device",
		"agent --nats tls://10.0.0.5:4222 --creds /dev/zero":             "--creds /dev/zero: is a device",
		"hold --fleet 2 --nats tls://10.0.0.5:4222 --creds /nonexistent": "--creds /nonexistent: no such file",
		"agent --join a --allow x":                                       "--allow x",
		"hold --listen 10.0.0.5:4222":                                    "--fleet", "hold --fleet 0": "--fleet",
		"hold --fleet 20000":                                    "10000",
		"echo --fleet 3 --nats nats://10.0.0.5:4222":            "TLS",
		"hold --fleet 3 --creds x":                              "--nats",
		"hold --fleet 3 --listen 127.0.0.1:0 --nats nats://::1": "--listen and --nats",
		"hold --fleet 3 --listen 0.0.0.0:4222":                  "--listen",
		"hold --fleet 3 --listen here":                          "--listen",
		"hold --fleet 3 --engine packets --sources 10.9.0.4/31": "for 2 agents at most",
		"hold --fleet 2 --engine packets --host 192.0.2.7":      "needs --sources CIDR",
		"churn --fleet 2 --matrix":                              "--fleet",
		"soak --fleet 2":                                        "--fleet",
	} {
		var stdout, stderr bytes.Buffer
		status := run(context.Background(), strings.Fields(line), &stdout, &stderr)
		if status != 2 || !strings.Contains(stderr.String(), want) || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%s: status %d, %q, want %q", line, status, stderr.String(), want)
		}
	}
}

// FuzzSample: whatever agents say of themselves can be shown, and of one that is lost
// be reported.
func FuzzSample(f *testing.F) {
	for _, s := range []string{
		`{"phase":"ho\u001b[2Jld","open":5,"conns":{"attempted":5,"established":5},"echo":{"count":1,"encoded":"HIST"}}`,
		`{"open":-1,"conns":{"established":-7,"errors":{"timeout":-1}},"plan":{"conns":9223372036854775807}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, sample []byte) {
		m := fleet.Member{Name: "a", Sample: sample, Phase: "hold"}
		e := sampleOf(m)
		now := crew{Phase: "hold", Proto: "tcp", Target: 10,
			Agents: []crewman{{Name: "a", Event: e}, {Name: "b", Lost: true, Event: e}}}
		if line := report.FormatProgress(now.progress(), 80); strings.ContainsFunc(line, unicode.IsControl) {
			t.Errorf("the live line is %q", line)
		}
		_ = now.sample()
		o := scenario.Options{Target: plan.Target{Scenario: "hold", Proto: "tcp"}}
		c := &captain{target: &target{command: &command{Call: &cli.Call{Stderr: io.Discard}}, Options: o}, total: 20,
			share: sharing{conns: []int64{10, 10}}}
		part := c.partOf(context.Background(), 0, fleet.Outcome{Member: m})
		r, err := result.MergeFleet("", part, part)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Check(); err != nil {
			t.Errorf("the sum: %v", err)
		}
		_ = report.WriteText(io.Discard, r)
	})
}
