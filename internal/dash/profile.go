package dash

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"
)

const (
	// maxProfile is the longest time, seconds, over which a profile, a trace or the
	// difference between two profiles is taken.
	maxProfile = 120
	// maxProfiles bounds how many are taken at a time: each stops the world or
	// samples it, and answers only once its time is over.
	maxProfiles = 2
	// profileRetry is when to ask again, seconds.
	profileRetry = 5
)

// Profiles is net/http/pprof for this process, without /debug/pprof/cmdline: the command
// line may hold a token.
func Profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// ServeWorker is the other end of End.Worker: it answers requests of the supervisor,
// who passes on those for this worker's profiles, until l ends. It checks neither Host
// nor Origin: nobody but the supervisor can connect to l.
func ServeWorker(l net.Listener, answers http.Handler) {
	srv := &http.Server{Handler: answers, ReadHeaderTimeout: 5 * time.Second}
	_ = srv.Serve(l)
}

// profile answers /debug/pprof: it sets deadlines for the time that is asked for
// (?seconds=), bounds it, and has a worker process answer where one is named (?worker=).
func (e End) profile(own http.Handler) http.HandlerFunc {
	places := make(chan struct{}, maxProfiles)
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		default:
			w.Header().Set("Retry-After", strconv.Itoa(profileRetry))
			http.Error(w, fmt.Sprintf("%d profiles are being taken: ask again later", maxProfiles),
				http.StatusServiceUnavailable)
			return
		}
		seconds := 30 // what net/http/pprof takes if nothing is asked
		if s := r.FormValue("seconds"); s != "" {
			var err error
			if seconds, err = strconv.Atoi(s); err != nil || seconds < 1 || seconds > maxProfile {
				http.Error(w, fmt.Sprintf("seconds=%q: the legal range is 1..%d", s, maxProfile), http.StatusBadRequest)
				return
			}
		}
		setStream(r)
		limit := time.Now().Add(time.Duration(seconds)*time.Second + answerTime)
		_ = http.NewResponseController(w).SetWriteDeadline(limit)
		if worker := r.FormValue("worker"); worker != "" {
			e.pass(w, r, worker, limit)
			return
		}
		own.ServeHTTP(w, r)
	}
}

// pass has a worker process answer r, over a connection of its own.
func (e End) pass(w http.ResponseWriter, r *http.Request, worker string, limit time.Time) {
	if e.Worker == nil {
		http.Error(w, fmt.Sprintf("worker=%q: there are no worker processes here, ask without it", worker),
			http.StatusBadRequest)
		return
	}
	i, err := strconv.Atoi(worker)
	if err != nil {
		http.Error(w, fmt.Sprintf("worker=%q: want its number, like 0", worker), http.StatusBadRequest)
		return
	}
	c, err := e.Worker(i)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithDeadline(r.Context(), limit)
	defer cancel()
	out := r.Clone(ctx)
	out.URL.Scheme, out.URL.Host, out.RequestURI, out.Header, out.Body = "http", "worker", "", http.Header{}, nil
	way := &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn,
		error) {
		return c, nil
	}}
	answer, err := way.RoundTrip(out)
	if err != nil {
		http.Error(w, fmt.Sprintf("ask worker: %v", err), http.StatusBadGateway)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	for _, k := range []string{"Content-Type", "Content-Disposition"} {
		if v := answer.Header.Get(k); v != "" {
			w.Header().Set(k, v)
		}
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body)
}
