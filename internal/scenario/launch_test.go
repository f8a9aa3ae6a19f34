package scenario

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/tests/nettest"
)

// Who listens already, or comes first, is not the server that was started.
func TestStartServerTakesNoStrangerForItsOwn(t *testing.T) {
	const (
		nobody = iota
		before
		after // the command has been started, and goes on once this one listens
	)
	for _, tt := range []struct {
		name, ready, does string
		listens           int    // when somebody does, who is not the command
		want              string // of the error; "": none
	}{
		{"another is there", "", "exec sleep 60", before, "another server is on"},
		{"another comes first, ours ends", Ready, "echo 'port taken' >&2; exit 2", after, "it ended at once: port taken"},
		{"ends", "", "echo 'bad flag' >&2; exit 2", nobody, "it ended at once: bad flag"},
		{"ready", Ready, "echo 'ready tcp'; exec sleep 60", after, ""},
		{"not ours, says nothing", "", "exec sleep 60", after, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(nettest.FreePort(t)))
			if tt.listens == before {
				l, err := net.Listen("tcp4", at.String())
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = l.Close() }()
			}
			dir := t.TempDir()
			command := fmt.Sprintf("touch %[1]s/runs; until [ -e %[1]s/go ]; do sleep 0.01; done; %[2]s", dir, tt.does)
			began := make(chan struct{})
			go func() {
				defer close(began)
				if !appears(t, filepath.Join(dir, "runs")) {
					return
				}
				if tt.listens == after {
					l, err := net.Listen("tcp4", at.String())
					if err != nil {
						t.Error(err)
						return
					}
					t.Cleanup(func() { _ = l.Close() })
				}
				if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
					t.Error(err)
				}
			}()
			s, err := StartServer(t.Context(), []string{"sh", "-c", command}, tt.ready, at.Addr(), []int{int(at.Port())})
			if s != nil {
				s.Stop()
			}
			if tt.listens != before {
				<-began
			}
			if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(report.Error(err), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// The server of the same build lies beside the client, under the name of its kind.
func TestServerBeside(t *testing.T) {
	for client, want := range map[string]string{
		"/src/c10m/bin/client":       "/src/c10m/bin/server",
		"/usr/local/bin/c10m-client": "/usr/local/bin/c10m-server",
		"/tmp/other":                 "/tmp/server",
	} {
		if got := serverBeside(client); got != want {
			t.Errorf("beside %s: %s, want %s", client, got, want)
		}
	}
}

// appears waits for a file.
func appears(t *testing.T, name string) bool {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, err := os.Stat(name); err == nil {
			return true
		}
		if t.Context().Err() != nil {
			return false
		}
	}
	return false
}
