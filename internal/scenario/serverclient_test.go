package scenario

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
)

// What an endpoint really said is what the report says: 403 is an answer.
func TestFindServerSaysWhatTheEndpointAnswered(t *testing.T) {
	const port = 10000
	answer := func(w http.ResponseWriter, ports ...int) {
		r := result.ServerReport{Schema: result.ServerSchema, Open: 7, Bind: "0.0.0.0"}
		for _, p := range ports {
			r.Ports = append(r.Ports, result.PortCount{Port: p})
		}
		_ = json.NewEncoder(w).Encode(r)
	}
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc // nil: nobody listens
		want   string           // in the warning; "": none, and it is taken
	}{
		{"ours", func(w http.ResponseWriter, _ *http.Request) { answer(w, port, port+1) }, ""},
		{"refused", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "the Host header must be an address", http.StatusForbidden)
		},
			"answers 403 Forbidden: the Host header must be an address"},
		{"another program", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
			"answers, but not as a server of c10m does"},
		{"another schema", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"schema":"x/1"}`)) },
			`schema "x/1"`},
		{"nobody", nil, "does not answer (connect: connection refused)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewServer(tt.answer)
			t.Cleanup(s.Close)
			if tt.answer == nil {
				s.Close()
			}
			p := find(t, s.URL, []int{port, port + 1})
			said := strings.Join(report.Warnings(p.Warnings), "\n")
			if tt.want == "" {
				if said != "" || p.Server == nil || p.Server.Open != 7 {
					t.Errorf("server %+v, warnings %q, want its report and none", p.Server, said)
				}
				return
			}
			if !strings.Contains(said, tt.want) || !strings.Contains(said, s.URL) || p.Server != nil {
				t.Errorf("warnings %q, want %q of %s, and no server", said, tt.want, s.URL)
			}
		})
	}
}

// An endpoint that was named is taken at its word, with a doubt, even if its
// ports are others; one that was only found is not.
func TestEndpointOfOtherPorts(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(result.ServerReport{Schema: result.ServerSchema,
			Ports: []result.PortCount{{Port: 1}, {Port: 2}, {Port: 9}}})
	}))
	t.Cleanup(s.Close)
	p := find(t, s.URL, []int{10000})
	if said := strings.Join(report.Warnings(p.Warnings), "\n"); p.Server == nil || !p.Elsewhere ||
		!strings.Contains(said, "on ports 1..2, 9, not on those of this run") {
		t.Errorf("server %+v, warnings %q: want its figures, and the doubt", p.Server, said)
	}
}

func TestReportIsOfTheServerThatWeGoTo(t *testing.T) {
	ports := func(bind string, list ...int) *result.ServerReport {
		r := &result.ServerReport{Bind: bind}
		for _, p := range list {
			r.Ports = append(r.Ports, result.PortCount{Port: p})
		}
		return r
	}
	for _, tt := range []struct {
		name string
		r    *result.ServerReport
		host string
		want bool
	}{
		{"all", ports("0.0.0.0", 10, 11, 12), "127.0.0.1", true},
		{"one is missing", ports("0.0.0.0", 10, 12), "127.0.0.1", false},
		{"others", ports("0.0.0.0", 20, 21), "127.0.0.1", false},
		{"says no ports", ports(""), "127.0.0.1", true},
		{"another address of loopback", ports("127.0.0.2", 10, 11), "127.0.0.1", false},
		{"behind a translation of addresses", ports("172.31.0.5", 10, 11), "192.0.2.9", true},
		{"an older server", ports("", 10, 11), "192.0.2.9", true},
	} {
		if got := isOf(tt.r, netip.MustParseAddr(tt.host), []int{10, 11}); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// A server of ours refuses names as Host; the one that a user gave is resolved.
func TestControlSendsAnAddressAsHost(t *testing.T) {
	var host string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host = r.Host
		_ = json.NewEncoder(w).Encode(result.ServerReport{Schema: result.ServerSchema})
	}))
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newControl(t.Context(), "http://localhost:"+port).counts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if at, err := netip.ParseAddrPort(host); err != nil || !at.Addr().IsLoopback() {
		t.Errorf("Host %q, want an address of loopback", host)
	}
}

// find is findServer for a run on loopback.
func find(t *testing.T, control string, ports []int) *Prepared {
	t.Helper()
	fp, err := proc.Here()
	if err != nil {
		t.Fatal(err)
	}
	p := &Prepared{}
	_ = p.findServer(t.Context(), Options{Target: plan.Target{Proto: plan.TCP,
		Places: plan.At(netip.MustParseAddr("127.0.0.1"), ports...)}, Control: control}, fp)
	return p
}

// What merely listens on the usual port is left out, and named, if it is of other
// ports than the run goes to.
func TestFoundEndpointOfOtherPortsIsLeftOut(t *testing.T) {
	other := &result.ServerReport{Bind: "0.0.0.0", Ports: []result.PortCount{{Port: 10000}, {Port: 10001}}}
	for control, want := range map[string]bool{"auto": false, "http://127.0.0.1:9090": true} {
		o := Options{Target: plan.Target{Places: plan.At(netip.MustParseAddr("127.0.0.1"), 20000)}, Control: control}
		p := &Prepared{}
		if got := p.takes("http://127.0.0.1:9090", other, &o); got != want || p.Elsewhere != want ||
			len(p.Warnings) != 1 || p.Warnings[0].Words["ports"] != "10000..10001" {
			t.Errorf("--server-control %s: taken %v, warnings %+v; want %v and its ports named", control, got,
				p.Warnings, want)
		}
	}
}
