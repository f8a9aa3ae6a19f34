package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

// Figures of a server that is not ours are called so, wherever they stand.
func TestServerThatIsNotOurs(t *testing.T) {
	server, seconds := 4096.0, 1.5
	r := &result.Result{Scenario: "hold", Conns: result.Conns{Attempted: 100, Established: 100},
		Foreign: &result.Foreign{Name: "node", PID: 4711, Processes: 5},
		Memory: &result.Memory{Method: "slabinfo", BothEnds: true, KernelPerConn: 8000, ServerPerConn: &server,
			TotalPerConn: 12_096,
			Fit:          result.Fit{Slope: 12_096, R2: 0.999, Samples: 9, Conns: 100},
			Plain:        result.Parts{Kernel: 8000, Server: &server, Total: 12_096}},
		CPU: &result.CPU{Client: 1, Server: &seconds}}
	for _, tt := range []struct {
		name string
		do   func()
		want string
		n    int
	}{
		{"several processes", func() {}, "process node (pid 4711), not ours, with 4 processes more", 2},
		{"one more", func() { r.Foreign.Processes = 2 }, "process node (pid 4711), not ours, with 1 process more", 2},
		{"one", func() { r.Foreign.Processes = 1 }, "process node (pid 4711), not ours", 2},
		{"a control group", func() { r.Foreign.Group = "/web" },
			"process node (pid 4711), not ours, of control group /web", 2},
		{"its memory is not known", func() { r.Memory.ServerPerConn = nil }, "not ours", 1},
		{"nothing is known", func() { r.CPU.Server = nil }, "not ours", 0},
		{"one of ours", func() { r.Memory.ServerPerConn, r.CPU.Server, r.Foreign = &server, &seconds, nil }, "not ours",
			0},
	} {
		tt.do()
		var b bytes.Buffer
		if err := WriteMarkdown(&b, r); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(b.String(), tt.want); n != tt.n {
			t.Errorf("%s: %q stands there %d times, want %d: %s", tt.name, tt.want, n, tt.n, b.String())
		}
	}
}
