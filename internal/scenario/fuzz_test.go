package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/c10m/c10m/internal/footprint"
	"github.com/c10m/c10m/internal/result"
)

// FuzzLocalPorts: whatever the two settings say, the ports that a plan counts
// with are ports.
func FuzzLocalPorts(f *testing.F) {
	f.Add("32768\t60999\n", "")
	f.Add("1024\t65535\n", "9090,10000-10199\n")
	f.Add("60999 32768", "5-1")
	f.Add("-1 70000", "0,70000-80000")
	f.Add("1 9223372036854775807", "1-9223372036854775807")
	f.Add("40000 40099", "40000-40099")
	dir := f.TempDir()
	at := filepath.Join(dir, "sys/net/ipv4")
	if err := os.MkdirAll(at, 0o755); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, local, reserved string) {
		for name, s := range map[string]string{"ip_local_port_range": local, "ip_local_reserved_ports": reserved} {
			if err := os.WriteFile(filepath.Join(at, name), []byte(s), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		fp, err := footprint.New(dir, dir)
		if err != nil {
			t.Fatal(err)
		}
		l, err := localPorts(fp)
		if err != nil {
			return
		}
		if l.Low < 1 || l.High > 65535 || l.Low > l.High {
			t.Errorf("local ports %d..%d of %q", l.Low, l.High, local)
		}
		if n := l.N(); n < 0 || n > l.High-l.Low+1 {
			t.Errorf("%d local ports in %d..%d less %v", n, l.Low, l.High, l.Reserved)
		}
	})
}

// answer is a server's control endpoint that always says the same.
type answer []byte

func (a answer) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(a)), Request: r}, nil
}

// FuzzServerReport: what claims to be a server may answer anything.
func FuzzServerReport(f *testing.F) {
	good, err := json.Marshal(result.ServerReport{Schema: result.ServerSchema, Open: 5, Shards: []result.Shard{{PID: 1, Open: 5}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"schema":"c10m/footprint/1","open":-5,"max_conns":-1}`))
	f.Add([]byte(`{"schema":"c10m/footprint/1","shards":null,"ports":[null],"memory":{"rss":1e30}}`))
	f.Add([]byte(`<html>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newControl("http://127.0.0.1:9")
		c.http.Transport = answer(b)
		r, err := c.counts(context.Background())
		if (r == nil) == (err == nil) {
			t.Fatalf("report %v and error %v", r, err)
		}
		if r != nil && (r.Open < 0 || r.MaxConns < 0 || r.Schema != result.ServerSchema) {
			t.Errorf("a server that holds %d of %d connections is believed", r.Open, r.MaxConns)
		}
	})
}
