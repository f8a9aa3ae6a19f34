package plan

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/unit"
)

func ports(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = 10000 + i
	}
	return all
}

func TestTupleCoversEveryCellEvenly(t *testing.T) {
	tests := []struct {
		name    string
		conns   int64
		ports   int
		sources int
	}{
		{"one", 1, 1, 0},
		{"fewer conns than ports", 7, 200, 0},
		{"exactly one burst each", 64 * 5, 5, 1},
		{"ragged", 64*5*3 + 17, 5, 1},
		{"several sources", 10007, 13, 3},
		{"one port", 1000, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := Plan{Target: Target{Places: At(netip.Addr{}, ports(tt.ports)...)},
				Sources: LoopbackSources(tt.sources), Total: tt.conns, Conns: tt.conns}
			checkTuples(t, &p)
		})
	}
}

func TestTupleProperty(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		p := Plan{Target: Target{Places: At(netip.Addr{}, ports(1+r.IntN(30))...)}, Sources: LoopbackSources(r.IntN(4))}
		p.Total = 1 + r.Int64N(5000)
		p.Conns = p.Total
		checkTuples(t, &p)
	}
}

// checkTuples sees that every tuple is used once, and cells differ by one.
func checkTuples(t *testing.T, p *Plan) {
	t.Helper()
	seen := map[Tuple]bool{}
	perCell := map[[2]int]int64{}
	for i := range p.Total {
		tu := p.Tuple(i)
		if n, is := p.Number(tu); !is || n != i {
			t.Fatalf("conns=%d ports=%d: tuple %+v of connection %d leads to %d, %v", p.Total, p.Dests(), tu, i, n, is)
		}
		if seen[tu] {
			t.Fatalf("conns=%d ports=%d: tuple %+v of connection %d is used twice", p.Total, p.Dests(), tu, i)
		}
		if tu.Dest < 0 || tu.Dest >= p.Dests() || tu.Source < 0 || tu.Source >= max(1, len(p.Sources)) {
			t.Fatalf("tuple %+v is out of range", tu)
		}
		seen[tu] = true
		perCell[[2]int{tu.Dest, tu.Source}]++
		if tu.Nth >= p.PerCell() {
			t.Fatalf("tuple %+v: Nth reaches PerCell %d", tu, p.PerCell())
		}
	}
	for _, beyond := range []Tuple{{Nth: -1}, {Nth: p.PerCell()}, {Dest: p.Dests(), Source: max(0, len(p.Sources)-1)},
		{Dest: -1}} {
		if n, is := p.Number(beyond); is {
			t.Fatalf("conns=%d: tuple %+v of nobody leads to %d", p.Total, beyond, n)
		}
	}
	lo, hi := p.Total, int64(0)
	for _, n := range perCell {
		lo, hi = min(lo, n), max(hi, n)
	}
	if hi-lo > 1 || hi != p.PerCell() {
		t.Fatalf("conns=%d: cells hold %d..%d, PerCell %d", p.Total, lo, hi, p.PerCell())
	}
}

func TestSplitCoversEveryNumberOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		p := Plan{Target: Target{Places: At(netip.Addr{}, ports(3)...)}, Total: 1 + r.Int64N(100000),
			Offset: r.Int64N(50), Verify: r.Int64N(1000), Asked: Asked{Rate: 1000}}
		p.Conns = p.Total
		n := 1 + r.IntN(150)
		next, verify, rate := p.Offset, int64(0), 0.0
		for _, part := range p.Split(n) {
			if part.Offset != next {
				t.Fatalf("part starts at %d, want %d", part.Offset, next)
			}
			next += part.Conns
			verify += part.Verify
			rate += float64(part.Rate)
		}
		if next != p.Offset+p.Conns || verify != p.Verify || rate < 999.99 || rate > 1000.01 {
			t.Fatalf("split of %d into %d ends at %d, verify %d of %d, rate %v", p.Conns, n, next, verify, p.Verify,
				rate)
		}
	}
}

func TestCheckSaysWhatWouldFit(t *testing.T) {
	local := LocalPorts{Low: 40000, High: 40999,
		Reserved: []unit.Ports{{First: 40100, N: 100}, {First: 40150, N: 100}, {First: 1, N: 10}}}
	if got := local.N(); got != 850 {
		t.Fatalf("N() = %d, want 1000 - 150 reserved", got)
	}
	tests := []struct {
		name string
		p    Plan
		want []string
	}{
		{"fits exactly", Plan{Target: Target{Places: At(netip.Addr{}, ports(2)...)}, Local: local, Total: 1700}, nil},
		{"one too many", Plan{Target: Target{Places: At(netip.Addr{}, ports(2)...)}, Local: local, Total: 1701},
			[]string{"--conns 1701", "850 local ports × 1 sources × 2 ports hold 1,700", "--ports 3", "--sources of 2",
				"40000 40999"}},
		{"widest range has no hint", Plan{Target: Target{Places: At(netip.Addr{}, ports(1)...)},
			Local: LocalPorts{Low: 1024, High: 65535}, Total: 64513}, []string{"64,512 local ports", "--ports 2"}},
		{"all reserved", Plan{Target: Target{Places: At(netip.Addr{}, ports(1)...)},
			Local: LocalPorts{Low: 5, High: 6, Reserved: []unit.Ports{{First: 5, N: 2}}}, Total: 1},
			[]string{"wholly reserved"}},
		{"no ports", Plan{Local: local, Total: 1}, []string{"0 ports"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.p.Check()
			if (err == nil) != (tt.want == nil) {
				t.Fatalf("Check() = %v", err)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("Check() = %q, want %q in it", err, w)
				}
			}
		})
	}
}

func TestWidePorts(t *testing.T) {
	p := Plan{Target: Target{Places: At(netip.Addr{}, ports(1)...)}, Local: LocalPorts{Low: 1, High: 1000}, Total: 450}
	if p.WidePorts() {
		t.Error("450 of 1000 local ports: the usual search is still fast")
	}
	p.Total = 451
	if !p.WidePorts() {
		t.Error("451 of 1000 local ports: one parity is nearly full, want IP_LOCAL_PORT_RANGE")
	}
}

func TestLimitsTightestFirst(t *testing.T) {
	m := Machine{RoomBytes: 8000 * 100, BytesPerConn: 8000, FDsPerTable: 20, FDsTaken: 10, Tables: 3, EpollWatches: 500,
		WatchesPerConn: 2, Tuples: 1000}
	var names []string
	for _, l := range m.Limits() {
		names = append(names, l.Name)
	}
	if got, want := strings.Join(names, ","), "file descriptors,memory,epoll watches,4-tuples"; got != want {
		t.Errorf("limits %s, want %s", got, want)
	}
	if l := m.Limits()[0]; l.Max != 30 || l.Cure == "" {
		t.Errorf("tightest %+v, want 30 and a cure", l)
	}
}

// What is in use already is said beside the limit, which is named as it is set.
func TestLimitsLessWhatIsInUse(t *testing.T) {
	m := Machine{EpollWatches: 5000, WatchesTaken: 1000, WatchesPerConn: 2, Conntrack: 262_144, ConntrackTaken: 262_000,
		FilesPerConn: 2, FileMax: 9000}
	for name, want := range map[string]Limit{
		"epoll watches":            {Max: 2000, Why: "fs.epoll.max_user_watches 5,000, 2 a connection, 1,000 in use"},
		"conntrack":                {Max: 144, Why: "net.netfilter.nf_conntrack_max 262,144, 262,000 in use"},
		"open files of the system": {Max: 4500, Why: "fs.file-max less what is open: 9,000"},
	} {
		i := slices.IndexFunc(m.Limits(), func(l Limit) bool { return l.Name == name })
		if i < 0 {
			t.Errorf("no limit %s", name)
		} else if l := m.Limits()[i]; l.Max != want.Max || l.Why != want.Why {
			t.Errorf("%s: %d, %q; want %d, %q", name, l.Max, l.Why, want.Max, want.Why)
		}
	}
}

func TestSources(t *testing.T) {
	tests := []struct {
		in    string
		n     int
		first string
		err   string
	}{
		{"127.0.0.0/24", 254, "127.0.0.1", ""},
		{"10.1.2.3", 1, "10.1.2.3", ""},
		{"10.1.2.3/32", 1, "10.1.2.3", ""},
		{"10.1.2.4/31", 2, "10.1.2.4", ""},
		{"fd00::/120", 256, "fd00::", ""},
		{"127.0.0.0/8", 0, "", "longest legal prefix is /16"},
		{"elsewhere", 0, "", "neither auto nor a CIDR"},
	}
	for _, tt := range tests {
		got, err := ParseSources(tt.in)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("ParseSources(%q) error %v, want %q", tt.in, err, tt.err)
			}
			continue
		}
		if err != nil || len(got) != tt.n || got[0].String() != tt.first {
			t.Errorf("ParseSources(%q) = %d from %v, %v", tt.in, len(got), got, err)
		}
	}
	seen := map[netip.Addr]bool{}
	for _, a := range LoopbackSources(1000) {
		if !a.IsLoopback() || seen[a] {
			t.Fatalf("%v is not loopback, or twice", a)
		}
		seen[a] = true
	}
}

// Several places are used evenly and in turn, so that the first few connections reach
// each address and both protocols.
func TestSeveralPlaces(t *testing.T) {
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	p := Plan{Target: Target{Proto: Mixed, WebSocket: WebSocket{Path: "/p"}, Places: []Place{
		{Host: a, Name: "x.example", Ports: []int{10, 11}}, {Host: b, Ports: []int{10}, WS: true},
		{Host: a, Ports: []int{443}, WS: true, Path: "/q"},
	}}, Total: 4 * 640, Conns: 4 * 640}
	list, counts := p.List(), map[int]int{}
	for i := range p.Total {
		tu := p.Tuple(i)
		counts[tu.Dest]++
		if back, is := p.Number(tu); !is || back != i {
			t.Fatalf("connection %d has %+v, which is that of %d", i, tu, back)
		}
	}
	for i, want := range []Dest{
		{At: netip.AddrPortFrom(a, 10), Name: "x.example", Path: "/p"},
		{At: netip.AddrPortFrom(b, 10), WS: true, Path: "/p"},
		{At: netip.AddrPortFrom(a, 443), WS: true, Path: "/q"},
		{At: netip.AddrPortFrom(a, 11), Name: "x.example", Path: "/p"},
	} {
		if list[i] != want || counts[i] != 640 {
			t.Errorf("destination %d is %+v with %d connections; want %+v with 640", i, list[i], counts[i], want)
		}
	}
	if len(list) != p.Dests() || len(p.Hosts()) != 2 || !p.TwoFamilies() || p.OnLoopback() || p.Overlap() != 1 {
		t.Errorf("%d destinations of %d, hosts %v, two families %v, on loopback %v, overlap %d", len(list), p.Dests(),
			p.Hosts(), p.TwoFamilies(), p.OnLoopback(), p.Overlap())
	}
	if got := p.Ports(); !slices.Equal(got, []int{10, 11, 443}) {
		t.Errorf("ports %v", got)
	}
	if got := p.Ranges(); !slices.Equal(got, []unit.Ports{{First: 10, N: 2}, {First: 443, N: 1}}) {
		t.Errorf("ranges %v", got)
	}
	p.Proto = WS
	for i, d := range p.List() {
		if !d.WS {
			t.Errorf("destination %d speaks TCP among WebSocket ones", i)
		}
	}
}

// Two names of one port share its 4-tuples.
func TestPlacesThatOverlap(t *testing.T) {
	a := netip.MustParseAddr("192.0.2.1")
	p := Plan{Target: Target{Places: []Place{{Host: a, Name: "x.example", Ports: []int{10}},
		{Host: a, Name: "y.example", Ports: []int{10}}}},
		Local: LocalPorts{Low: 40001, High: 41000}, Total: 1000}
	if err := p.Check(); err != nil {
		t.Errorf("1,000 connections over 1,000 local ports: %v", err)
	}
	p.Total = 1001
	if err := p.Check(); err == nil || !strings.Contains(err.Error(), "hold 1,000 connections") {
		t.Errorf("1,001 connections over 1,000 local ports: %v", err)
	}
	p.Packets.Prefix = netip.MustParsePrefix("198.18.0.0/15")
	if err := p.Check(); err == nil || !strings.Contains(err.Error(), "one port of one address") {
		t.Errorf("packets: %v", err)
	}
}

// What does not fit says how it would, in terms of what the user gave.
func TestCheckOfPlaces(t *testing.T) {
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	p := Plan{Target: Target{Places: append(At(a, 1, 2), At(b, 1, 2)...)}, Local: LocalPorts{Low: 40001, High: 41000},
		Total: 4001}
	if err := p.Check(); err == nil || !strings.Contains(err.Error(), "4 ports of 2 addresses hold 4,000") ||
		!strings.Contains(err.Error(), "--ports 3") {
		t.Errorf("by flags: %v", err)
	}
	p.URLs = []string{"tcp://x.example:1-2"}
	if err := p.Check(); err == nil || !strings.Contains(err.Error(), "targets of 5 ports in all") {
		t.Errorf("by URL: %v", err)
	}
}
