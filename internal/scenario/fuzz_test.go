package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

// answer is a server's control endpoint that always says the same.
type answer []byte

func (a answer) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(a)), Request: r}, nil
}

// FuzzServerReport: what claims to be a server may answer anything.
func FuzzServerReport(f *testing.F) {
	good, err := json.Marshal(result.ServerReport{Schema: result.ServerSchema, Open: 5,
		Shards: []result.Shard{{PID: 1, Open: 5}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"schema":"c10m/footprint/1","open":-5,"max_conns":-1}`))
	f.Add([]byte(`{"schema":"c10m/footprint/1","shards":null,"ports":[null],"memory":{"rss":1e30}}`))
	f.Add([]byte(`<html>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newControl(t.Context(), "http://127.0.0.1:9")
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
