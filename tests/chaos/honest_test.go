//go:build chaos

package chaos

import (
	"encoding/json"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/tests/rig"
)

// TestCountsDisagree: when the server's count and the client's differ at the end
// of a run, or the server has gone silent, the report says so.
func TestCountsDisagree(t *testing.T) {
	for _, tt := range []struct {
		name  string
		short int64 // connections that the server denies; -1: it does not answer
		want  string
	}{
		{"agree", 0, ""},
		{"server has lost some", 3, "at the end of the run the server held 497 connections, the client 500"},
		{"server is silent", -1, "the server's control endpoint did not answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := rig.Start(t, rig.Options{Ports: 5})
			var late atomic.Bool
			l, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if late.Load() && tt.short < 0 {
					http.Error(w, "gone", http.StatusServiceUnavailable)
					return
				}
				report := s.Report(t)
				if late.Load() {
					report.Open -= tt.short
				}
				_ = json.NewEncoder(w).Encode(report)
			})}
			go func() { _ = srv.Serve(l) }()
			t.Cleanup(func() { _ = srv.Close() })
			o := rig.Client(t, nil, func(*exec.Cmd) {
				rig.Await(t, "messages", func() bool { return s.Report(t).Messages > 500 })
				late.Store(true)
			}, append(s.To("--conns", "500", "--hold", "2s", "--interval", "200ms", "--verify", "500"),
				"--server-control", "http://"+l.Addr().String())...)
			if o.Result == nil {
				t.Fatalf("status %d: %s", o.Status, o.Stderr)
			}
			said := strings.Join(report.Warnings(o.Result.Warnings), "\n")
			if tt.want != "" && !strings.Contains(said, tt.want) || tt.want == "" &&
				strings.Contains(said, "at the end of the run") {
				t.Errorf("warnings %q, want %q among them", said, tt.want)
			}
		})
	}
}
