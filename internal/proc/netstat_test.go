package proc

import (
	"testing"
)

func TestListenDrops(t *testing.T) {
	for _, tt := range []struct {
		kernel string
		want   Drops
	}{
		{"5.15", Drops{ListenOverflows: 120, ListenDrops: 135, RequestQueue: 11, Cookies: 7, Backlog: 2,
			MemoryPressure: 1, TimeWaited: 4173}},
		// without the later columns
		{"6.1", Drops{ListenOverflows: 120, ListenDrops: 135, MemoryPressure: 1, TimeWaited: 4173}},
		{"6.18", Drops{TimeWaited: 4173}},
	} {
		t.Run(tt.kernel, func(t *testing.T) {
			got, err := recorded(t, tt.kernel).ListenDrops()
			if err != nil || got != tt.want {
				t.Errorf("ListenDrops = %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestParseDrops(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     Drops
		err      string
	}{
		{"one counter", "TcpExt: ListenDrops\nTcpExt: 5\n", Drops{ListenDrops: 5}, ""},
		{"another order, others between", "TcpExt: TCPBacklogDrop PruneCalled ListenOverflows\nTcpExt: 5 -6 7\n",
			Drops{Backlog: 5, ListenOverflows: 7}, ""},
		{"other protocols first", "IpExt: ListenDrops\nIpExt: 9\nTcpExt: ListenDrops\nTcpExt: 5\n",
			Drops{ListenDrops: 5}, ""},
		{"no counter", "TcpExt:\nTcpExt:\n", Drops{}, ""},
		{"nothing", "", Drops{}, "it has no TcpExt lines"},
		{"names alone", "TcpExt: ListenDrops\n", Drops{}, "it has no TcpExt lines"},
		{"a value too few", "TcpExt: TW ListenDrops\nTcpExt: 5\n", Drops{}, "TcpExt has 2 names and 1 values"},
		{"no number", "TcpExt: ListenDrops\nTcpExt: many\n", Drops{}, `ListenDrops: "many" is not a count`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseDrops([]byte(tt.in))
			if got != tt.want || message(err) != tt.err {
				t.Errorf("parseDrops = %+v, %v, want %+v, %q", got, err, tt.want, tt.err)
			}
		})
	}
}

// FuzzParseDrops starts from testdata/fuzz.
func FuzzParseDrops(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := parseDrops(b)
		if err != nil && d != (Drops{}) {
			t.Errorf("%+v beside error %v", d, err)
		}
		for _, n := range []int64{d.ListenOverflows, d.ListenDrops, d.RequestQueue, d.Cookies, d.Backlog, d.MemoryPressure} {
			if n < 0 {
				t.Errorf("%+v", d)
			}
		}
	})
}
