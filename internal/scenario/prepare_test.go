package scenario

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
	"github.com/c10m/c10m/tests/nettest"
)

// A bridge of containers is an interface of this machine as well. Nothing that
// leaves by another one may come from it.
func TestSourcesAreOfTheInterfaceThatLeadsThere(t *testing.T) {
	nettest.InNetns(t, "ip link set lo up",
		"ip link add docker0 type veth peer name inside", "ip addr add 172.17.0.1/16 dev docker0", "ip link set docker0 up",
		"ip link set inside up",
		"ip link add eth0 type veth peer name wire", "ip addr add 10.1.0.5/24 dev eth0", "ip addr add 10.1.0.6/24 dev eth0",
		"ip addr add fd00:1::5/64 dev eth0 nodad",
		"ip link set eth0 up", "ip link set wire up", "ip route add default via 10.1.0.1 dev eth0")
	for _, tt := range []struct {
		host string
		n    int
		want []string
	}{
		{"10.1.0.9", 10, []string{"10.1.0.5", "10.1.0.6"}},
		{"192.0.2.1", 10, []string{"10.1.0.5", "10.1.0.6"}}, // by the default route
		{"192.0.2.1", 1, []string{"10.1.0.5"}},
		{"172.17.0.9", 10, []string{"172.17.0.1"}},
		{"10.1.0.6", 10, []string{"10.1.0.5", "10.1.0.6"}}, // this machine itself
		{"fd00:1::9", 10, []string{"fd00:1::5"}},
		{"2001:db8::1", 10, nil}, // no route
	} {
		var got []string
		for _, ip := range ownAddresses(netip.MustParseAddr(tt.host), tt.n) {
			got = append(got, ip.String())
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("up to %d sources to %s: %v, want %v", tt.n, tt.host, got, tt.want)
		}
	}
}

func TestLocalPorts(t *testing.T) {
	for text, want := range map[string]struct {
		low, high int
		doubt     string
	}{
		"": {plan.DefaultLocalPorts.Low, plan.DefaultLocalPorts.High, ""}, "1024\t65535\n": {1024, 65535, ""},
		"1024 all": {plan.DefaultLocalPorts.Low, plan.DefaultLocalPorts.High, "is not two numbers"},
		"0 0":      {plan.DefaultLocalPorts.Low, plan.DefaultLocalPorts.High, "is not a range of ports"},
	} {
		dir := t.TempDir()
		if at := filepath.Join(dir, "sys/net/ipv4"); text != "" {
			if err := errors.Join(os.MkdirAll(at, 0o755),
				os.WriteFile(filepath.Join(at, "ip_local_port_range"), []byte(text), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		fp, err := proc.New(dir, dir)
		if err != nil {
			t.Fatal(err)
		}
		var p Prepared
		l := p.localPorts(fp)
		said := strings.Join(report.Warnings(p.Warnings), "; ")
		if l.Low != want.low || l.High != want.high || (said != "") != (want.doubt != "") ||
			!strings.Contains(said, want.doubt) {
			t.Errorf("%q: %d..%d, warnings %q, want %d..%d, %q", text, l.Low, l.High, said, want.low, want.high,
				want.doubt)
		}
	}
}

// Where the cap and the server allow the same, it is the cap that was decided by.
func TestDecidedByTheCap(t *testing.T) {
	for _, tt := range []struct {
		server, cap int64
		want        string
		n           int64
	}{
		{1000, 1000, result.LimitedByCap, 1000},
		{2000, 1000, result.LimitedByCap, 1000},
		{500, 1000, "the server", 500},
	} {
		p := &Prepared{Limits: plan.Machine{ServerConns: tt.server}.Limits()}
		var pl plan.Plan
		if err := p.decideConns(&pl, Options{Conns: unit.Count{Auto: true}, Cap: tt.cap}); err != nil ||
			p.LimitedBy != tt.want || pl.Total != tt.n {
			t.Errorf("a server for %d, a cap of %d: %d connections by %q, %v; want %d by %q", tt.server, tt.cap,
				pl.Total, p.LimitedBy, err, tt.n, tt.want)
		}
	}
}

// A setting that hurts what the run does is warned of, and only there.
func TestPrepareWarnsOfSettings(t *testing.T) {
	nettest.InNetns(t, "ip link set lo up")
	if err := os.WriteFile("/proc/sys/net/ipv4/tcp_tw_reuse", []byte("0"), 0o644); err != nil {
		t.Fatal(err)
	}
	fp, err := proc.Here()
	if err != nil {
		t.Fatal(err)
	}
	at := acceptor(t)
	for _, tt := range []struct {
		name string
		o    ChurnOptions
		want bool
	}{
		{"a connection a message", ChurnOptions{Mode: PerRequest}, true},
		{"a pool", ChurnOptions{Mode: Pool}, false},
		{"the server closes first", ChurnOptions{Mode: PerRequest, ServerEnds: true}, false},
	} {
		o := tt.o
		o.Options = Options{Target: plan.Target{Scenario: "churn", Proto: plan.TCP,
			Places: plan.At(at.Addr(), int(at.Port()))}, Conns: unit.Count{N: 10}, Threads: unit.Count{N: 1},
			PrivateFDs: "off", Asked: plan.Asked{Window: 1, ConnectTimeout: time.Minute, Close: plan.CloseFIN},
			Control: "none"}
		o.churns = o.leavesTimeWait()
		p, err := Prepare(t.Context(), o.Options, fp)
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.ContainsFunc(report.Warnings(p.Warnings),
			func(w string) bool { return strings.HasPrefix(w, "net.ipv4.tcp_tw_reuse is 0") }); got != tt.want {
			t.Errorf("%s: warnings %v; of tcp_tw_reuse %v, want %v", tt.name, p.Warnings, got, tt.want)
		}
	}
}

// --conns auto counts the source addresses that --sources auto would use, on any
// host.
func TestAutoCountsTheSourcesThatItWouldUse(t *testing.T) {
	four := func(netip.Addr, int) []netip.Addr { return make([]netip.Addr, 4) }
	none := func(netip.Addr, int) []netip.Addr { return nil }
	for _, tt := range []struct {
		host    string
		sources int // of --sources; 0: auto
		own     func(netip.Addr, int) []netip.Addr
		want    int64
	}{
		{"127.0.0.1", 0, none, plan.MaxSources},
		{"127.0.0.1", 2, none, 2},
		{"::1", 0, four, 1},
		{"192.0.2.1", 0, four, 4},
		{"192.0.2.1", 0, none, 1},
		{"192.0.2.1", 3, four, 3},
	} {
		o := Options{Target: plan.Target{Places: plan.At(netip.MustParseAddr(tt.host), 1)}}
		if tt.sources > 0 {
			o.Sources = make([]netip.Addr, tt.sources)
		}
		if got := mostSources(&o, tt.own); got != tt.want {
			t.Errorf("%s with %d of --sources: %d, want %d", tt.host, tt.sources, got, tt.want)
		}
	}
}

// Connections that share a line are warned of, of a fleet's agent those that come behind
// the others' too.
func TestWarnLines(t *testing.T) {
	for _, tt := range []struct{ first, total, asked int64 }{{0, 3, 0}, {0, 4, 4}, {2, 1, 0}, {2, 2, 4}} {
		p := &Prepared{}
		p.Plan.Lines, p.Plan.First, p.Plan.Total = "red\ngreen\n\nblue", tt.first, tt.total
		if err := p.warnLines(); err != nil {
			t.Fatal(err)
		}
		if tt.asked == 0 && len(p.Warnings) > 0 ||
			tt.asked > 0 && (len(p.Warnings) != 1 || int64(p.Warnings[0].Numbers["asked"]) != tt.asked) {
			t.Errorf("%+v: %+v", tt, p.Warnings)
		}
	}
}
