package dash

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxRequests bounds the connections to an endpoint, so that those who look
// never take the fds of those who are looked at. More wait to be accepted.
const maxRequests = 64

// endTime is how long viewers have to take the last event.
const endTime = 2 * time.Second

// Listen opens an endpoint's socket.
func Listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for control: %w", err)
	}
	return &bounded{Listener: l, slots: make(chan struct{}, maxRequests), closed: make(chan struct{})}, nil
}

// Serve answers on l until the returned func is called.
func Serve(l net.Listener, end End) (stop func()) {
	h := newHub(end)
	srv := &http.Server{
		Handler:           guard(routes(h)),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		IdleTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10, // guard sets the time for writing
	}
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

func routes(h *hub) http.Handler {
	mux := http.NewServeMux()
	if h.end.Report != nil {
		mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { health(w, h.end.Report) })
		mux.HandleFunc("GET /footprint", func(w http.ResponseWriter, r *http.Request) { answerReport(w, r, h.end.Report) })
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

// answerReport answers with the report: ?memory=0 for counts alone, memory=resident
// for what is cheap to read, otherwise exact.
func answerReport(w http.ResponseWriter, q *http.Request, report Reporter) {
	depth := Exact
	switch q.URL.Query().Get("memory") {
	case "0":
		depth = Counts
	case "resident":
		depth = Resident
	}
	r, err := report(depth)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(r)
}

// bounded is a listener that has at most so many connections open.
type bounded struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func (b *bounded) Accept() (net.Conn, error) {
	select {
	case b.slots <- struct{}{}:
	case <-b.closed:
		return nil, net.ErrClosed
	}
	c, err := b.Listener.Accept()
	if err != nil {
		<-b.slots
		return nil, err
	}
	return &slotted{Conn: c, free: sync.OnceFunc(func() { <-b.slots })}, nil
}

func (b *bounded) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.Listener.Close()
}

// slotted is a connection that gives its slot back when it is closed.
type slotted struct {
	net.Conn
	free func()
}

func (s *slotted) Close() error {
	defer s.free()
	return s.Conn.Close()
}
