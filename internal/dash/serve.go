package dash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/sys"
)

// endTime is how long viewers have to take the last event.
const endTime = 2 * time.Second

// Listen opens an endpoint's socket.
func Listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for control: %w%s", err, whoHolds(addr, err))
	}
	return &boundedListener{Listener: l, conns: map[*boundedConn]bool{}}, nil
}

// whoHolds says which process or connection has an address that is in use; "" if err is
// another error.
func whoHolds(addr string, err error) string {
	at, bad := netip.ParseAddrPort(addr)
	if bad != nil || !errors.Is(err, sys.EADDRINUSE) {
		return ""
	}
	fp, bad := proc.Here()
	if bad != nil {
		return ""
	}
	return ": " + fp.InUse(at)
}

// Serve answers on l until the returned func is called.
func Serve(l net.Listener, end End) (stop func()) {
	h := newHub(end)
	srv := server(l, routes(h), end.Hosts)
	done := make(chan struct{})
	go h.run(done)
	go func() { _ = srv.Serve(l) }()
	return sync.OnceFunc(func() {
		close(done)
		h.stop()
		ctx, cancel := context.WithTimeout(context.Background(), endTime)
		defer cancel()
		_ = srv.Shutdown(ctx)
		_ = srv.Close()
	})
}

// ServeReport answers GET and HEAD of /footprint on l until the returned func is
// called, and nothing else: there is no page, no profile and nothing to change.
func ServeReport(l net.Listener, report Reporter) (stop func()) {
	mux := http.NewServeMux()
	mux.Handle("GET /footprint", whole(reporter(report)))
	srv := server(l, mux, nil)
	go func() { _ = srv.Serve(l) }()
	return sync.OnceFunc(func() { _ = srv.Close() })
}

// server is what all endpoints have in common: who may ask, and for how long.
func server(l net.Listener, answers http.Handler, hosts []string) *http.Server {
	srv := &http.Server{
		Handler:           guard(answers, hosts),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		IdleTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10, // guard sets the time for writing
	}
	if b, ok := l.(*boundedListener); ok {
		srv.ConnState, srv.ConnContext = b.note, withConn
	}
	return srv
}

func routes(h *hub) http.Handler {
	mux := http.NewServeMux()
	if h.end.Report != nil {
		mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { health(w, h.end.Report) })
		mux.Handle("GET /footprint", whole(reporter(h.end.Report)))
	}
	if h.end.Drain != nil {
		mux.HandleFunc("POST /drain", h.end.order(h.end.Drain))
	}
	mux.HandleFunc("GET /events", h.serveEvents)
	mux.Handle("GET /metrics", metrics(h))
	for path, a := range assets() {
		mux.Handle("GET "+path, a)
	}
	mux.HandleFunc("GET /debug/pprof/", h.end.profile(Profiles()))
	return mux
}

func health(w http.ResponseWriter, report Reporter) {
	r, err := report(Counts)
	if err != nil || r.State != "ready" {
		http.Error(w, "state: "+r.State, http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprintln(w, "ok")
}

// maxWalks bounds how many requests at a time have the processes' memory measured. The
// others wait; those for counts alone do not.
const maxWalks = 2

// reporter answers /footprint: Counts with ?memory=0, Resident with ?memory=resident,
// otherwise Exact.
func reporter(report Reporter) http.HandlerFunc {
	walks := make(chan struct{}, maxWalks)
	return func(w http.ResponseWriter, q *http.Request) {
		depth := Exact
		switch q.URL.Query().Get("memory") {
		case "0":
			depth = Counts
		case "resident":
			depth = Resident
		}
		if depth != Counts {
			select {
			case walks <- struct{}{}:
				defer func() { <-walks }()
			case <-q.Context().Done():
				return
			}
		}
		r, err := report(depth)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(r)
	}
}
