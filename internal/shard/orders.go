package shard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/sys"
)

// dealing is the order to a worker to attach the BPF program that distributes
// connections to the SO_REUSEPORT groups of its sockets.
type dealing struct {
	Key     sys.SteerKey
	Number  int64 // of the order: who hears of an older one later does not follow it
	Weights []uint32
}

// dealTime is how long a worker may take to attach the program. After that the next
// worker is asked: this one may be stopped.
const dealTime = time.Second

// maxDealing bounds the JSON of such an order, bytes: that of MaxWorkers workers with
// several loops fits.
const maxDealing = 1 << 20

// tellDealing orders worker i to attach the program.
func (s *Supervisor) tellDealing(i int, d dealing) error {
	body, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("write distribution: %w", err)
	}
	way := &http.Transport{DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return s.Dial(i) }}
	c := http.Client{Transport: way, Timeout: dealTime}
	answer, err := c.Post("http://worker/deal", "application/json", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("tell worker %d how to distribute connections: %w", i, err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(answer.Body, 200))
		return fmt.Errorf("worker %d: %s", i, strings.TrimSpace(string(said)))
	}
	return nil
}

// Orders answers the supervisor's requests to a worker: POST /deal, and what more
// answers (profiles).
func (w *Worker) Orders(more http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", more)
	mux.HandleFunc("POST /deal", func(out http.ResponseWriter, r *http.Request) {
		var d dealing
		err := json.NewDecoder(io.LimitReader(r.Body, maxDealing)).Decode(&d)
		if err == nil {
			err = w.follow(d)
		}
		if err != nil {
			http.Error(out, err.Error(), http.StatusInternalServerError)
		}
	})
	return mux
}

// follow attaches the program. One that was slow to hear of an order may hear of a
// newer one first.
func (w *Worker) follow(d dealing) error {
	w.followMu.Lock()
	defer w.followMu.Unlock()
	if d.Number < w.followed {
		return fmt.Errorf("order %d came after order %d", d.Number, w.followed)
	}
	w.followed = d.Number
	return sys.Steer(*w.listeners.Load(), d.Key, d.Weights)
}
