package plan

import (
	"net/netip"
	"strings"
	"testing"
)

func TestPacketSources(t *testing.T) {
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
		if got := (Packets{Prefix: netip.MustParsePrefix(c.prefix)}).Sources(); got != c.want {
			t.Errorf("%s has %d sources, want %d", c.prefix, got, c.want)
		}
	}
}

// The parts of a plan have prefixes that do not overlap, within the whole one.
func TestPacketSplit(t *testing.T) {
	for _, c := range []struct {
		prefix string
		n      int
		want   []string
	}{
		{"198.18.0.0/15", 1, []string{"198.18.0.0/15"}},
		{"198.18.0.0/15", 2, []string{"198.18.0.0/16", "198.19.0.0/16"}},
		{"198.18.0.0/15", 3, []string{"198.18.0.0/17", "198.18.128.0/17", "198.19.0.0/17"}},
		{"198.18.7.4/30", 4, []string{"198.18.7.4/32", "198.18.7.5/32", "198.18.7.6/32", "198.18.7.7/32"}},
		{"fd00:c10::/64", 2, []string{"fd00:c10::/65", "fd00:c10:0:0:8000::/65"}},
	} {
		p := Plan{Target: Target{Places: At(netip.Addr{}, 1)}, Total: 100, Conns: 100, Threads: c.n,
			Packets: Packets{Prefix: netip.MustParsePrefix(c.prefix)}}
		var got []string
		for _, part := range p.Split(c.n) {
			got = append(got, part.Packets.Prefix.String())
		}
		if strings.Join(got, " ") != strings.Join(c.want, " ") {
			t.Errorf("%s in %d parts: %v, want %v", c.prefix, c.n, got, c.want)
		}
	}
}

// The agents of a fleet have source addresses that no other has, and that their own
// threads divide again.
func TestPacketParts(t *testing.T) {
	whole := Packets{Prefix: netip.MustParsePrefix("10.9.0.0/24"), MTU: 1400}
	parts, err := whole.Parts(3)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range parts {
		got = append(got, p.Prefix.String(), p.split(1, 2).Prefix.String())
		if p.MTU != whole.MTU {
			t.Errorf("%+v has another MTU than %+v", p, whole)
		}
	}
	want := "10.9.0.0/26 10.9.0.32/27 10.9.0.64/26 10.9.0.96/27 10.9.0.128/26 10.9.0.160/27"
	if strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if one, err := whole.Parts(1); err != nil || one[0] != whole {
		t.Errorf("for one: %v, %v", one, err)
	}
	few := Packets{Prefix: netip.MustParsePrefix("10.9.0.4/30")}
	if _, err := few.Parts(4); err != nil {
		t.Error(err)
	}
	if _, err := few.Parts(5); err == nil || err.Error() != "10.9.0.4/30 has addresses of its own for 4 agents at most, "+
		"and there are 5" {
		t.Errorf("for five: %v", err)
	}
}

func TestCheckPackets(t *testing.T) {
	for _, c := range []struct {
		prefix  string
		total   int64
		threads int
		want    string
	}{
		{"198.18.0.0/15", 10_000_000, 2, ""},
		{"198.18.0.1/32", 3 * PacketPorts, 1, ""},
		{"198.18.0.1/32", 3*PacketPorts + 1, 1, "--sources 198.18.0.1/32 hold 193,536 connections to 3 destinations"},
		{"198.18.0.1/32", 10, 2, "--threads 2"},
	} {
		p := Plan{Target: Target{Places: At(netip.Addr{}, 1, 2, 3)}, Total: c.total, Conns: c.total, Threads: c.threads,
			Packets: Packets{Prefix: netip.MustParsePrefix(c.prefix)}}
		err := p.Check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
