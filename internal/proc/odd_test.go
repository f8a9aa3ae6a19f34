package proc

import (
	"strings"
	"testing"
)

// TestOddFiles: files of the whole machine that are hidden, empty, cut off, below
// zero or nonsense. A reader says which file it is and what is wrong, or what is
// not known counts as nothing; and it never gives a number that cannot be.
func TestOddFiles(t *testing.T) {
	const sockstat = "sockets: used 5\nTCP: inuse 4 orphan 1 tw 2 alloc 7 mem 3\n"
	sockets := func(p FS) error { _, err := p.Sockets(); return err }
	cores := func(p FS) error { _, err := p.Cores(); return err }
	softirq := func(p FS) error { _, err := p.Softirq(); return err }
	drops := func(p FS) error { _, err := p.ListenDrops(); return err }
	track := func(p FS) error { _, err := p.Conntrack(); return err }
	tracked := func(count, max, stat string) map[string]string {
		return map[string]string{"sys/net/netfilter/nf_conntrack_count": count,
			"sys/net/netfilter/nf_conntrack_max": max, "net/stat/nf_conntrack": stat}
	}
	const stats = "entries  searched found new invalid ignore delete delete_list insert insert_failed drop " +
		"early_drop icmp_error  expect_new expect_create expect_delete search_restart\n"
	for _, tt := range []struct {
		name  string
		files map[string]string
		read  func(FS) error
		err   string // "": none
	}{
		{"sockets", map[string]string{"net/sockstat": sockstat}, sockets, ""},
		{"sockets below self alone", map[string]string{"self/net/sockstat": sockstat}, sockets, ""},
		{"sockets hidden", nil, sockets, "read net/sockstat: "},
		{"sockets, an empty file", map[string]string{"net/sockstat": ""}, sockets, "it has no TCP line"},
		{"sockets without TCP", map[string]string{"net/sockstat": "sockets: used 5\nUDP: inuse 1 mem 0\n"}, sockets,
			"it has no TCP line"},
		{"sockets below zero", map[string]string{"net/sockstat": "TCP: inuse -4 orphan 1 tw 2 alloc 7 mem 3\n"},
			sockets, "cannot be"},
		{"orphans below zero", map[string]string{"net/sockstat": "TCP: inuse 4 orphan -1 tw 2 alloc 7 mem 3\n"},
			sockets, "cannot be"},
		{"alloc below zero", map[string]string{"net/sockstat": "TCP: inuse 4 orphan 1 tw 2 alloc -7 mem 3\n"}, sockets,
			"cannot be"},
		{"sockets in words", map[string]string{"net/sockstat": "TCP: inuse many\n"}, sockets, "read net/sockstat: "},
		{"sockets, fields missing", map[string]string{"net/sockstat": "TCP: inuse 4\n"}, sockets, ""},
		{"IPv6 sockets below zero", map[string]string{"net/sockstat": sockstat, "net/sockstat6": "TCP6: inuse -1\n"},
			sockets, "cannot be"},
		{"IPv6 sockets in words", map[string]string{"net/sockstat": sockstat, "net/sockstat6": "TCP6: inuse x\n"},
			sockets, "read net/sockstat6: "},
		{"stat hidden", nil, cores, "read stat: "},
		{"stat in words", map[string]string{"stat": "cpu0 a b c d\n"}, cores, "read stat: "},
		{"stat without processors", map[string]string{"stat": "ctxt 5\n"}, cores, ""},
		{"stat without soft interrupts", map[string]string{"stat": "ctxt 5\n"}, softirq, ""},
		{"stat hidden from softirq", nil, softirq, "read stat: "},
		{"drops below self alone", map[string]string{"self/net/netstat": "TcpExt: TW\nTcpExt: 5\n"}, drops, ""},
		{"drops hidden", nil, drops, "read net/netstat: "},
		{"drops empty", map[string]string{"net/netstat": ""}, drops, "it is empty"},
		{"drops cut off", map[string]string{"net/netstat": "TcpExt: TW TWRecycled\nTcpExt: 5\n"}, drops,
			"2 names and 1 values"},
		{"conntrack", tracked("5", "10", stats), track, ""},
		{"conntrack hidden", nil, track, "read sysctl net.netfilter.nf_conntrack_count: "},
		{"conntrack below zero", tracked("-5", "10", stats), track, "-5 of 10 cannot be"},
		{"conntrack with room for none", tracked("5", "0", stats), track, "5 of 0 cannot be"},
		{"conntrack in words", tracked("five", "10", stats), track, "is not a number"},
		{"conntrack's drops in words", tracked("5", "10", stats+"x y\n"), track, "read net/stat/nf_conntrack: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root, put := fuzzRoot(t)
			put("self/comm", nil)
			for name, text := range tt.files {
				put(name, []byte(text))
			}
			p, err := New(root, root)
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.read(p); !strings.Contains(message(err), tt.err) || (err != nil) != (tt.err != "") {
				t.Errorf("error %v, want %q in it", err, tt.err)
			}
		})
	}
}
