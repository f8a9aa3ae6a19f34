package loadgen

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/tests/nettest"
)

// listenV6 is an echo server on [::1]; 0 on a machine without IPv6.
func listenV6(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return 0
	}
	return int(nettest.Serve(t, l, nettest.Echo).Port())
}

// One run goes to addresses of both families, from sources of each.
func TestTwoFamilies(t *testing.T) {
	port := listenV6(t)
	if port == 0 {
		t.Skip("this machine has no IPv6")
	}
	v4, v6 := netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()
	for _, sources := range []bool{false, true} {
		p := testPlan(0, 300, 2)
		p.Places = append(plan.At(v4, echoServer(t)), plan.At(v6, port)...)
		if sources {
			p.Sources, p.SourcesV6 = plan.LoopbackSources(1), []netip.Addr{v6}
		}
		got := run(t, p, 64, 2)
		if got.Established != 300 || got.Received != 600 || len(got.Errors) > 0 {
			t.Errorf("from sources %v: %+v, %v", sources, got.Counts, got.Errors)
		}
	}
}

// Each connection's handshake says its own number and line, at the path of its place.
func TestHandshakesOfPlaces(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	serve := func(where string) int {
		return wsServer(t, false, func(p *peer) {
			req, err := http.ReadRequest(p.in)
			if err != nil {
				return
			}
			mu.Lock()
			seen[fmt.Sprintf("%s %s %s %s", where, req.Host, req.RequestURI, req.Header.Get("Authorization"))]++
			mu.Unlock()
		})
	}
	here := netip.MustParseAddr("127.0.0.1")
	p := testPlan(0, 4, 1)
	a, b := serve("a"), serve("b")
	p.Proto, p.WebSocket.Path, p.Lines = plan.WS, "/p/{i}", "one\ntwo\nthree\n"
	p.WebSocket.Headers = [][2]string{{"Authorization", "{line}"}}
	p.Places = []plan.Place{{Host: here, Name: "a.example", Ports: []int{a}},
		{Host: here, Ports: []int{b}, Path: "/q?n={i}"}}
	run(t, p, 1, 0)
	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{
		fmt.Sprintf("a a.example:%d /p/0 one", a), fmt.Sprintf("a a.example:%d /p/1 two", a),
		fmt.Sprintf("b 127.0.0.1:%d /q?n=2 three", b), fmt.Sprintf("b 127.0.0.1:%d /q?n=3 one", b)} {
		if seen[want] != 1 {
			t.Errorf("%q was seen %d times, of %v", want, seen[want], seen)
		}
	}
}

// The Host field leaves out the port that the scheme implies.
func TestHostField(t *testing.T) {
	for _, tt := range []struct {
		at, name string
		tls      bool
		want     string
	}{
		{"192.0.2.1:80", "", false, "192.0.2.1"},
		{"192.0.2.1:443", "", true, "192.0.2.1"},
		{"192.0.2.1:443", "", false, "192.0.2.1:443"},
		{"192.0.2.1:8080", "", false, "192.0.2.1:8080"},
		{"[2001:db8::1]:80", "", false, "[2001:db8::1]"},
		{"[2001:db8::1]:8080", "", false, "[2001:db8::1]:8080"},
		{"192.0.2.1:80", "x.example", true, "x.example:80"},
		{"192.0.2.1:443", "x.example", true, "x.example"},
	} {
		to := plan.Dest{At: netip.MustParseAddrPort(tt.at), Name: tt.name, TLS: tt.tls, Path: "/"}
		request, err := Request(&plan.Target{}, &to, nil)
		if err != nil {
			t.Fatal(err)
		}
		if lines := printable("", request.AppendRequest(nil, 0), maxAnswer); lines[1] != "Host: "+tt.want {
			t.Errorf("%s %s, TLS %v: %q, want %s", tt.at, tt.name, tt.tls, lines[1], tt.want)
		}
	}
}
