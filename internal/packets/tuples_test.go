package packets

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/plan"
)

const locals = plan.PacketPorts

func part(prefix, host string, conns int64) plan.Plan {
	var places []plan.Place
	for i, h := range strings.Fields(host) { // the first has one port more
		places = append(places, plan.At(netip.MustParseAddr(h),
			[]int{10000, 10001, 10002, 15000, 15001}[min(i, 1):]...)...)
	}
	return plan.Plan{Packets: plan.Packets{Prefix: netip.MustParsePrefix(prefix)}, Target: plan.Target{Places: places},
		Total: conns, Conns: conns, Threads: 3}
}

// Every slot of every part has a 4-tuple of its own that leads back to it, and
// goes to the port that the plan says.
func TestTuples(t *testing.T) {
	for _, c := range []struct {
		prefix, host string
		conns        int64
		parts        int
	}{
		{"198.18.0.0/16", "127.0.0.1", 1, 1},
		{"198.18.0.0/16", "127.0.0.1", 7, 3},
		{"198.18.0.0/16", "127.0.0.1", 1_000_003, 3},
		{"198.18.7.9/32", "198.18.0.1", 5 * locals / 2, 1},
		{"198.18.7.8/31", "198.18.0.1", 5 * locals * 2, 1},
		{"fd00:c10::/64", "fd00::1", 400_000, 2},
		{"198.18.0.0/16", "198.19.0.1 198.19.0.2 198.19.0.7", 100_000, 2},
	} {
		whole := part(c.prefix, c.host, c.conns)
		for _, p := range whole.Split(c.parts) {
			tup, err := newTuples(p)
			if err != nil {
				t.Fatalf("%+v: %v", c, err)
			}
			list := p.List()
			for slot := range int(p.Conns) {
				src, dst := tup.of(slot)
				if got := tup.slot(src, dst); got != slot {
					t.Fatalf("%s: slot %d is %v -> %v, which is slot %d", c.prefix, slot, src, dst, got)
				}
				if !p.Packets.Prefix.Contains(src.Addr()) || src.Port() < plan.FirstPacketPort {
					t.Fatalf("%s: slot %d comes from %v", c.prefix, slot, src)
				}
				if want := list[p.Tuple(p.Offset+int64(slot)).Dest].At; dst != want {
					t.Fatalf("slot %d goes to %v, want %v", slot, dst, want)
				}
			}
		}
	}
}

func TestTuplesOfNobody(t *testing.T) {
	tup, err := newTuples(part("198.18.0.0/16", "127.0.0.1", 50))
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := netip.MustParseAddrPort("198.18.0.1:1024"), netip.MustParseAddrPort("127.0.0.1:10000")
	if tup.slot(ours, theirs) != 0 {
		t.Fatal("slot 0 is not found")
	}
	for _, c := range []struct{ src, dst string }{
		{"198.18.0.1:1023", "127.0.0.1:10000"}, // below the first local port
		{"198.18.0.1:1034", "127.0.0.1:10000"}, // beyond the last connection
		{"198.18.0.0:1024", "127.0.0.1:10000"}, // before the first source
		{"198.18.0.2:1024", "127.0.0.1:10000"}, // beyond the last one
		{"198.18.0.1:1024", "127.0.0.1:9999"},  // another port
		{"198.18.0.1:1024", "127.0.0.2:10000"}, // another host
		{"[fd00::1]:1024", "127.0.0.1:10000"},
	} {
		if got := tup.slot(netip.MustParseAddrPort(c.src), netip.MustParseAddrPort(c.dst)); got != -1 {
			t.Errorf("%s -> %s is slot %d", c.src, c.dst, got)
		}
	}
}

func TestTooFewSources(t *testing.T) {
	if _, err := newTuples(part("198.18.0.0/32", "198.18.0.1", 5*locals+1)); err == nil {
		t.Error("more connections than 4-tuples are taken")
	}
}
