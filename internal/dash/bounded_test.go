package dash

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// endpoint serves an endpoint until the test ends.
func endpoint(t *testing.T, end End) string {
	t.Helper()
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(Serve(l, end))
	return l.Addr().String()
}

// begin sends text on a new connection, which stays open until the test ends.
func begin(t *testing.T, at, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestBounded: whoever sits at the endpoint, health, footprint and metrics are
// answered, long before any deadline of the others.
func TestBounded(t *testing.T) {
	const get = "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
	for name, text := range map[string]string{
		"silent ones":             "",
		"half a header":           "GET /healthz HTTP/1.1\r\nHost: ",
		"profiles of two minutes": fmt.Sprintf(get, "/debug/pprof/goroutine?seconds=120"),
		"viewers":                 fmt.Sprintf(get, "/events"),
		"readers that stop":       fmt.Sprintf(get, "/metrics"),
		"bodies that never come":  "GET /footprint HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			at := endpoint(t, (&fake{}).end())
			for range 2 * maxRequests {
				begin(t, at, text)
			}
			asker := http.Client{Timeout: answerTime / 2, Transport: &http.Transport{DisableKeepAlives: true}}
			for _, path := range []string{"/healthz", "/footprint", "/footprint?memory=0", "/metrics"} {
				resp, err := asker.Get("http://" + at + path)
				if err != nil {
					t.Errorf("GET %s: %v", path, err)
					continue
				}
				_, err = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusOK || err != nil {
					t.Errorf("GET %s: %s, %v", path, resp.Status, err)
				}
			}
		})
	}
}

// TestProfilesAtATime: a third profile is told to come again, in one line, and
// can be had once one is done.
func TestProfilesAtATime(t *testing.T) {
	entered, leave := make(chan bool), make(chan bool)
	h := End{}.profile(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- true
		<-leave
	}))
	var done sync.WaitGroup
	ask := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/debug/pprof/heap", nil))
		return w
	}
	for range maxProfiles {
		done.Go(func() { ask() })
		<-entered
	}
	w := ask()
	if body := w.Body.String(); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" ||
		strings.Count(body, "\n") != 1 || !strings.Contains(body, "2 profiles") {
		t.Errorf("%d %v, %q: want 503, Retry-After and a line", w.Code, w.Header(), body)
	}
	for range maxProfiles {
		leave <- true
	}
	done.Wait()
	done.Go(func() {
		if w := ask(); w.Code != http.StatusOK {
			t.Errorf("after the others: %d", w.Code)
		}
	})
	<-entered
	leave <- true
	done.Wait()
}

// TestBoundedWhoGoes: closed first are those that have not sent a request, then those
// whose requests have taken longest, and never a stream.
func TestBoundedWhoGoes(t *testing.T) {
	c := &boundedListener{conns: map[*boundedConn]bool{}}
	now := time.Now()
	at := func(age time.Duration, asking, stream bool) *boundedConn {
		g := &boundedConn{of: c, since: now.Add(-age), asking: asking, stream: stream}
		c.conns[g] = true
		return g
	}
	at(time.Hour, true, true)
	long, short := at(time.Minute, true, false), at(time.Second, true, false)
	older, newer := at(2*time.Second, false, false), at(time.Millisecond, false, false)
	for len(c.conns) < maxRequests {
		at(0, true, true)
	}
	for i, want := range []*boundedConn{older, newer, long, short, nil} {
		if out := c.admit(&boundedConn{of: c, since: now, asking: true, stream: true}); out != want {
			t.Errorf("%d: %+v has to go, want %+v", i, out, want)
		}
		if len(c.conns) != maxRequests && want != nil {
			t.Errorf("%d: there are %d", i, len(c.conns))
		}
	}
}

// TestBoundedNumber: never more than maxRequests are open, and closing one twice makes
// room for one only.
func TestBoundedNumber(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	all := l.(*boundedListener)
	taken := make([]net.Conn, 0, maxRequests+3)
	for range maxRequests + 3 {
		begin(t, l.Addr().String(), "")
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, c)
	}
	defer func() {
		for _, c := range taken {
			_ = c.Close()
		}
	}()
	if n := len(all.conns); n != maxRequests {
		t.Errorf("%d are there, want %d", n, maxRequests)
	}
	for i := range 3 { // the oldest, and nobody else, had to go
		if _, err := taken[i].Write([]byte{0}); err == nil {
			t.Errorf("connection %d is still open", i)
		}
	}
	if _, err := taken[3].Write([]byte{0}); err != nil {
		t.Errorf("connection 3: %v", err)
	}
	_, _ = taken[3].Close(), taken[3].Close()
	if n := len(all.conns); n != maxRequests-1 {
		t.Errorf("%d are there after one has gone, want %d", n, maxRequests-1)
	}
}
