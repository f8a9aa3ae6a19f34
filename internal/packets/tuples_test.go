package packets

import (
	"net/netip"
	"testing"
)

// Every slot has a 4-tuple of its own that leads back to it, and consecutive
// slots spread over all ports.
func TestTuples(t *testing.T) {
	ports := []int{10000, 10001, 10002, 15000, 15001}
	for _, c := range []struct {
		prefix, host string
		conns        int
	}{
		{"198.18.0.0/16", "127.0.0.1", 1},
		{"198.18.0.0/16", "127.0.0.1", 7},
		{"198.18.0.0/16", "127.0.0.1", 1_000_003},
		{"198.18.7.9/32", "198.18.0.1", 5 * locals / 2},
		{"198.18.7.8/31", "198.18.0.1", 5 * locals * 2 / 2},
		{"fd00:c10::/64", "fd00::1", 400_000},
	} {
		tup, err := newTuples(netip.MustParsePrefix(c.prefix), netip.MustParseAddr(c.host), ports, c.conns)
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		prefix := netip.MustParsePrefix(c.prefix)
		perPort := make([]int, len(ports))
		for slot := range c.conns {
			src, dst := tup.of(slot)
			if got := tup.slot(src, dst); got != slot {
				t.Fatalf("%s: slot %d is %v -> %v, which is slot %d", c.prefix, slot, src, dst, got)
			}
			if !prefix.Contains(src.Addr()) || src.Port() < FirstLocal {
				t.Fatalf("%s: slot %d comes from %v", c.prefix, slot, src)
			}
			perPort[tup.port(slot)]++
		}
		if c.conns >= len(ports) {
			for i, n := range perPort {
				if n == 0 {
					t.Errorf("%s: port %d has none of %d connections", c.prefix, ports[i], c.conns)
				}
			}
		}
	}
}

func TestTuplesOfNobody(t *testing.T) {
	tup, err := newTuples(netip.MustParsePrefix("198.18.0.0/16"), netip.MustParseAddr("127.0.0.1"), []int{10000}, 10)
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
		{"198.18.0.1:1024", "127.0.0.1:10001"}, // another port
		{"198.18.0.1:1024", "127.0.0.2:10000"}, // another host
		{"[fd00::1]:1024", "127.0.0.1:10000"},
	} {
		if got := tup.slot(netip.MustParseAddrPort(c.src), netip.MustParseAddrPort(c.dst)); got != -1 {
			t.Errorf("%s -> %s is slot %d", c.src, c.dst, got)
		}
	}
}

func TestCapacity(t *testing.T) {
	for _, c := range []struct {
		prefix string
		want   int64
	}{
		{"198.18.0.0/15", 131071},
		{"198.18.0.0/24", 255},
		{"198.18.0.0/31", 2},
		{"198.18.0.0/32", 1},
		{"fd00::/64", 1<<31 - 1},
	} {
		if got := Sources(netip.MustParsePrefix(c.prefix)); got != c.want {
			t.Errorf("%s has %d sources, want %d", c.prefix, got, c.want)
		}
	}
	if _, err := newTuples(netip.MustParsePrefix("198.18.0.0/32"), netip.MustParseAddr("::1"), []int{1, 2}, 2*locals+1); err == nil {
		t.Error("more connections than 4-tuples are taken")
	}
}
