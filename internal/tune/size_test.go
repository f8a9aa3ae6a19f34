package tune

import (
	"bytes"
	"slices"
	"testing"

	"github.com/c10m/c10m/internal/unit"
	"github.com/c10m/c10m/tests/golden"
)

func sizeOf(t *testing.T, conns int64, proto string, dest unit.Ports, clients int) Sizing {
	t.Helper()
	tt := target(conns)
	tt.Cores = 16
	s, err := Size(tt, proto, dest, clients)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The sums of ten million connections, worked out by hand:
//
//	both ends: 20,000,000 sockets x 4,100     = 82,000,000,000
//	server process 10,000,000 x 450           =  4,500,000,000
//	client process 10,000,000 x 32            =    320,000,000
//	fd tables: two of 2^24 slots x 8          =    268,435,456
//	established hash: 2^24 buckets x 8        =    134,217,728
//	the system itself: 512 MiB                =    536,870,912
//	                                        sum 87,759,524,096
//	with 5 % free: / 0.95                     = 92,378,446,417 (86.03 GiB)
func TestSizeByHand(t *testing.T) {
	s := sizeOf(t, 10_000_000, "tcp", unit.Ports{First: 10000, N: 200}, 4)
	both, server, client := s.Layouts[0], s.Layouts[1], s.Layouts[2]
	want := []Part{{"kernel: sockets", 82_000_000_000}, {"server process", 4_500_000_000}, {"client process", 320_000_000},
		{"kernel: fd tables", 268_435_456}, {"kernel: established hash", 134_217_728}, {"the system itself", 536_870_912}}
	if !slices.Equal(both.Parts, want) {
		t.Errorf("parts %v, want %v", both.Parts, want)
	}
	// Server: 41,000,000,000 + 4,500,000,000 + 2^24 x 8 x 2 + 512 MiB.
	// Each client: 2,500,000 x 4,132 + 2^22 x 8 x 2 + 512 MiB.
	for _, tt := range []struct {
		name      string
		got, want int64
	}{
		{"sum", both.Total, 87_759_524_096},
		{"memory", both.Memory, 92_378_446_417},
		{"server", server.Total, 46_305_306_368},
		{"client", client.Total, 10_933_979_776},
		{"conns of a client", client.Conns, 2_500_000},
		{"local ports", int64(s.LocalPorts), 64_512 - 400 - 1}, // 1024..65535 less the listening and the control ports
		{"sources", s.Sources, 1},                              // 200 x 64,111 = 12,822,200
		{"bytes a pair", s.PerPair, 8_682},
		{"bytes of a client's end", BytesPerConn(Client), 4_132},
		{"bytes of a server's end", BytesPerConn(Server), 4_550},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, tt.got, tt.want)
		}
	}
}

func TestSizeSources(t *testing.T) {
	tests := []struct {
		name  string
		conns int64
		ports int
		want  int64
	}{
		{"one port", 64_111, 1, 1}, {"one too many", 64_112, 1, 2}, {"ten ports", 10_000_000, 10, 16},
		{"hundreds", 12_822_201, 200, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := sizeOf(t, tt.conns, "tcp", unit.Ports{First: 10000, N: tt.ports}, 1).Sources; got != tt.want {
				t.Errorf("%d sources, want %d", got, tt.want)
			}
		})
	}
}

func TestSizeFits(t *testing.T) {
	tests := []struct {
		conns int64
		want  []string // some of those that hold both ends
		not   []string
	}{
		{10_000_000, []string{"r3.4xlarge", "r5.4xlarge", "x2gd.2xlarge", "x1e.xlarge"},
			[]string{"r3.2xlarge", "r5.8xlarge"}},
		{1_000_000, []string{"r3.large", "r6g.large"}, []string{"r6g.medium"}},
		{400_000_000, []string{"x1e.32xlarge"}, []string{"r5.24xlarge"}},
		{900_000_000, nil, []string{"x1e.32xlarge"}},
	}
	for _, tt := range tests {
		var got []string
		for _, i := range sizeOf(t, tt.conns, "tcp", unit.Ports{First: 10000, N: 200}, 1).Layouts[0].Fits {
			got = append(got, i.Type)
		}
		for _, w := range tt.want {
			if !slices.Contains(got, w) {
				t.Errorf("%d connections: %s is not among %v", tt.conns, w, got)
			}
		}
		for _, w := range tt.not {
			if slices.Contains(got, w) {
				t.Errorf("%d connections: %s is among %v", tt.conns, w, got)
			}
		}
	}
}

// What the example machine holds must be just what still fits.
func TestExamples(t *testing.T) {
	s := sizeOf(t, 10_000_000, "tcp", unit.Ports{First: 10000, N: 200}, 1)
	if len(s.Examples) != 2 {
		t.Fatalf("%d examples", len(s.Examples))
	}
	for _, h := range s.Examples {
		usable := Target{}.usable(122 << 30)
		tt := target(h.Conns)
		tt.Cores = 16
		if layout(tt, h.Role, h.Conns, 1).Total > usable || layout(tt, h.Role, h.Conns+1, 1).Total <= usable {
			t.Errorf("%s: %d is not the most that fits", h.Role, h.Conns)
		}
	}
}

// The kernel keeps 64 B for each page: large ones leave more of 64 GiB.
func TestUsable(t *testing.T) {
	for page, want := range map[int64]int64{0: 64_263_448_155, 4096: 64_263_448_155, 65536: 65_219_749_410} {
		if got := (Target{Page: page}).usable(64 << 30); got != want {
			t.Errorf("pages of %d bytes: %d, want %d", page, got, want)
		}
	}
}

func TestSizeRefuses(t *testing.T) {
	dest := unit.Ports{First: 10000, N: 200}
	if _, err := Size(target(1000), "udp", dest, 1); err == nil {
		t.Error("udp is taken")
	}
	if _, err := Size(target(1000), "tcp", dest, 0); err == nil {
		t.Error("no clients are taken")
	}
	full := target(1000)
	full.Ports = []unit.Ports{{First: 1, N: 65535}}
	if _, err := Size(full, "tcp", dest, 1); err == nil {
		t.Error("no local ports are taken")
	}
}

func TestSizeGolden(t *testing.T) {
	var out bytes.Buffer
	if err := WriteSizing(&out, sizeOf(t, 10_000_000, "tcp", unit.Ports{First: 10000, N: 200}, 4)); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "testdata/plan.golden", out.String())
}

// Instance types are unique, and each family grows.
func TestInstances(t *testing.T) {
	seen := map[string]bool{}
	var last Instance
	for _, i := range Instances() {
		if seen[i.Type] {
			t.Errorf("%s stands twice", i.Type)
		}
		seen[i.Type] = true
		if perCPU := i.MiB / int64(i.VCPU); perCPU < 7*1024 || i.Family == last.Family &&
			(i.MiB <= last.MiB || i.VCPU <= last.VCPU) {
			t.Errorf("%+v after %+v", i, last)
		}
		last = i
	}
	if !seen[ExampleInstance] {
		t.Error("the example of plan is missing")
	}
}
