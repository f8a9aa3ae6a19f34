// Package dash is what a running server shows: health, counts and memory at a
// control endpoint that changes nothing.
package dash

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/result"
)

// Reporter gives the server's report, with memory (which costs a walk over the
// page tables of each process) or counts alone.
type Reporter func(memory bool) (result.ServerReport, error)

// Serve answers on addr ("127.0.0.1:9090") until the returned func is called.
func Serve(addr string, report Reporter) (stop func(), err error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for control: %w", err)
	}
	srv := &http.Server{
		Handler:           guard(routes(report)),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10,
	}
	go func() { _ = srv.Serve(l) }()
	return func() { _ = srv.Close() }, nil
}

func routes(report Reporter) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		r, err := report(false)
		if err != nil || r.State != "ready" {
			http.Error(w, "state: "+r.State, http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /footprint", func(w http.ResponseWriter, q *http.Request) {
		r, err := report(q.URL.Query().Get("memory") != "0")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(r)
	})
	return mux
}

// guard refuses requests whose Host is a name other than localhost: a page in
// a browser that rebinds its own name to this address would send one.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.Trim(host, "[]")
		if _, err := netip.ParseAddr(host); err != nil && host != "localhost" {
			http.Error(w, "the Host header must be an address or localhost", http.StatusForbidden)
			return
		}
		if r.Header.Get("Origin") != "" && r.Header.Get("Sec-Fetch-Site") == "cross-site" {
			http.Error(w, "cross-origin requests are refused", http.StatusForbidden)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}
