package scenario

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/ws"
	"github.com/c10m/c10m/tests/nettest"
	"github.com/c10m/c10m/tests/rig"
)

// An address of a name that does not answer is left out where another of the name
// does; else the run does not begin, and says what to do.
func TestProbeLeavesOut(t *testing.T) {
	up, dead := int(acceptor(t).Port()), nettest.DeadPort(t)
	here, there := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2") // nobody listens there
	for _, tt := range []struct {
		name   string
		places []plan.Place
		urls   []string
		kept   int    // places
		bad    string // in the error
	}{
		{"both answer", []plan.Place{{Host: here, Name: "x", Ports: []int{up}}, {Host: here, Ports: []int{up}}}, nil, 2,
			""},
		{"one of a name", []plan.Place{{Host: there, Name: "x", Ports: []int{up}},
			{Host: here, Name: "x", Ports: []int{up}}}, nil, 1, ""},
		{"all of a name", []plan.Place{{Host: there, Name: "x", Ports: []int{up}}}, nil, 0,
			"server not reachable: x, 127.0.0.2"},
		{"one of another name", []plan.Place{{Host: there, Name: "x", Ports: []int{up}},
			{Host: here, Name: "y", Ports: []int{up}}}, nil, 0, "server not reachable: x, 127.0.0.2"},
		{"one of the name, on another port",
			[]plan.Place{{Host: here, Name: "x", Ports: []int{up}}, {Host: here, Name: "x", Ports: []int{dead}}}, nil,
			0, "refused"},
		{"an address", []plan.Place{{Host: here, Ports: []int{up}}, {Host: there, Ports: []int{up}}}, nil, 0,
			"bin/server --ports 1"},
		{"a target", []plan.Place{{Host: there, Ports: []int{up}}}, []string{"tcp://127.0.0.2:1"}, 0, "--wait 30s"},
		{"the last port of a range", []plan.Place{{Host: here, Ports: []int{up, dead}}}, nil, 0, "refused"},
	} {
		o := Options{Target: plan.Target{Proto: plan.TCP, Places: tt.places, URLs: tt.urls},
			Asked: plan.Asked{ConnectTimeout: time.Second}}
		p := &Prepared{}
		err := p.probe(t.Context(), &o.Target, &o)
		switch {
		case tt.bad != "" && (err == nil || !strings.Contains(report.Error(err), tt.bad)):
			t.Errorf("%s: %v, want %q", tt.name, err, tt.bad)
		case tt.bad == "" && (err != nil || len(o.Places) != tt.kept || len(p.Warnings) != len(tt.places)-tt.kept):
			t.Errorf("%s: %v, %d places and warnings %+v; want %d", tt.name, err, len(o.Places), p.Warnings, tt.kept)
		}
	}
}

// With --wait the run begins once the server behind a proxy answers the handshake:
// until then the proxy accepts, and says 503, or nothing.
func TestProbeWaits(t *testing.T) {
	var asked atomic.Int64
	at := rig.Listen(t, func(c net.Conn) {
		head := make([]byte, 4096)
		n, _ := c.Read(head)
		switch asked.Add(1) {
		case 1:
		case 2:
			_, _ = io.WriteString(c, "HTTP/1.1 503 Service Unavailable\r\n\r\n")
		default:
			_, answer, _ := ws.Upgrade(head[:n], nil, ws.Limits{})
			_, _ = c.Write(answer)
		}
	})
	o := Options{Target: plan.Target{Proto: plan.WS, Places: plan.At(at.Addr(), int(at.Port()))},
		Asked: plan.Asked{ConnectTimeout: time.Minute}, Wait: time.Minute}
	if err := (&Prepared{}).probe(t.Context(), &o.Target, &o); err != nil || asked.Load() != 3 {
		t.Errorf("%v after %d handshakes, want it up after 3", err, asked.Load())
	}
	asked.Store(0)
	o.Wait = 0
	if err := (&Prepared{}).probe(t.Context(), &o.Target, &o); err != nil || asked.Load() > 1 {
		t.Errorf("without --wait: %v after %d handshakes", err, asked.Load())
	}
	o.Places, o.Wait = plan.At(at.Addr(), nettest.DeadPort(t)), time.Millisecond
	if err := (&Prepared{}).probe(t.Context(), &o.Target, &o); err == nil ||
		!strings.Contains(report.Error(err), "within --wait 1ms") {
		t.Errorf("a server that does not come: %v", err)
	}
}

// Whatever a server answers for good is for the run to tell.
func TestProbeTakesAnAnswer(t *testing.T) {
	for status, ready := range map[int]bool{200: true, 400: true, 401: true, 403: true, 404: false, 426: true,
		429: false, 500: false, 502: false, 503: false} {
		if notReady(status) == ready {
			t.Errorf("%d %s: ready %v", status, http.StatusText(status), !ready)
		}
	}
}

// A server at a foreign address that is named by URL is not asked for what only a
// server of ours tells.
func TestForeignTargetIsNotAsked(t *testing.T) {
	fp, err := proc.Here()
	if err != nil {
		t.Fatal(err)
	}
	p := &Prepared{}
	o := Options{Target: plan.Target{Places: plan.At(netip.MustParseAddr("192.0.2.1"), 10000),
		URLs: []string{"tcp://192.0.2.1:10000"}}, Control: "auto"}
	if err := p.findServer(t.Context(), o, fp); err != nil || len(p.Warnings) > 0 || p.SameHost {
		t.Errorf("%v, warnings %+v, on this machine %v", err, p.Warnings, p.SameHost)
	}
}

// Sources are found for the hosts of each family; two families get as many of either.
func TestSourcesTo(t *testing.T) {
	own := func(host netip.Addr, n int) []netip.Addr { // one interface has four of IPv4, another two of IPv6
		switch {
		case host == netip.MustParseAddr("203.0.113.1"):
			return nil // routed elsewhere
		case host.Is4():
			return make([]netip.Addr, min(n, 4))
		}
		return make([]netip.Addr, min(n, 2))
	}
	for _, tt := range []struct {
		hosts  string
		n      int
		v4, v6 int
	}{
		{"127.0.0.1", 9, 9, 0},
		{"127.0.0.1 127.0.0.2", 9, 9, 0},
		{"127.0.0.1 ::1", 9, 0, 0}, // there is one ::1
		{"::1", 9, 0, 0},
		{"192.0.2.1", 9, 4, 0},
		{"192.0.2.1 192.0.2.2", 3, 3, 0},
		{"192.0.2.1 203.0.113.1", 9, 0, 0},
		{"192.0.2.1 127.0.0.1", 9, 0, 0},
		{"2001:db8::1", 9, 0, 2},
		{"192.0.2.1 2001:db8::1", 9, 2, 2},
		{"192.0.2.1 ::1", 9, 0, 0},
	} {
		var to plan.Target
		for h := range strings.FieldsSeq(tt.hosts) {
			to.Places = append(to.Places, plan.At(netip.MustParseAddr(h), 1)...)
		}
		if v4, v6 := sourcesTo(&to, tt.n, own); len(v4) != tt.v4 || len(v6) != tt.v6 {
			t.Errorf("%s: %d and %d sources, want %d and %d", tt.hosts, len(v4), len(v6), tt.v4, tt.v6)
		}
	}
}
