package dash

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/result"
)

// patience bounds every wait.
const patience = time.Minute

// fake is an end that counts how often it is looked at.
type fake struct{ looks, memory atomic.Int64 }

func (f *fake) end() End {
	return End{
		Meta: Meta{Role: Server, Title: "a test", Commit: "abc", Engine: "gnet", CPUs: 2, Max: 100, Bound: "allowed",
			Shard: "worker",
			Ports: []Port{{10000, "tcp"}, {15000, "ws"}}},
		Look:   f.look,
		Report: func(Depth) (result.ServerReport, error) { return result.ServerReport{State: "ready"}, nil },
		Causes: []string{"over_limit", "handshake_timeout", "ws_utf8", "tls_timeout", "tls_hello"},
	}
}

func (f *fake) look(memory bool) (Sample, error) {
	n := f.looks.Add(1)
	s := Sample{Phase: "ready", Open: 7, Opened: n, Upgraded: 6, Buffered: 4096, Budget: 1 << 20, Messages: 2 * n,
		Bytes: 3 * n, PortOpen: []int64{4, 3},
		Errors: result.ErrorCounts{"over_limit": 5, "new_cause": 1, "tls_timeout": 2},
		TLS:    &result.ServerTLS{Handshakes: 9, Resumed: 4, UnderWay: 1}, Net: &Net{TimeWait: 9, ListenDrops: 2},
		Shards: []Shard{{ID: 1, State: "ready", Open: 7, Opened: n, CPU: 1.5, Restarts: 1, Heap: 11}}}
	if memory {
		f.memory.Add(1)
		server := uint64(1 << 20)
		s.Memory = &Memory{Total: 100 << 20, Used: 50 << 20, Server: &server}
		s.Memory.Kernel = []Cache{{"dentry", 4}, {"skbuff_head_cache", 2}, {"TCP", 8}, {"nf_conntrack", 3}}
	}
	return s, nil
}

// serve starts an endpoint on a free port and gives its address.
func serve(t *testing.T, end End) (addr string) {
	t.Helper()
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := Serve(l, end)
	t.Cleanup(stop)
	return l.Addr().String()
}

// watcher reads server-sent events.
type watcher struct {
	t    *testing.T
	r    *bufio.Reader
	stop func()
}

func watch(t *testing.T, addr string) *watcher {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || got != "text/event-stream" {
		t.Fatalf("%s, Content-Type %q", resp.Status, got)
	}
	return &watcher{t, bufio.NewReader(resp.Body), cancel}
}

// next reads one event into data and gives its name.
func (w *watcher) next(data any) (name string) {
	w.t.Helper()
	for {
		line, err := w.r.ReadString('\n')
		if err != nil {
			w.t.Fatalf("read event: %v", err)
		}
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "event":
			name = value
		case "data":
			if err := json.Unmarshal([]byte(value), data); err != nil {
				w.t.Fatalf("event %s: %v", name, err)
			}
		case "":
			return name
		}
	}
}

// TestEvents: a viewer is told what it looks at, then a sample a second; a
// second one gets what has been; nobody looks once they have left.
func TestEvents(t *testing.T) {
	f := &fake{}
	addr := serve(t, f.end())
	time.Sleep(10 * time.Millisecond)
	if n := f.looks.Load(); n != 0 {
		t.Fatalf("looked %d times with nobody watching", n)
	}
	var hello struct {
		Meta Meta
		Past []point
	}
	a := watch(t, addr)
	if name := a.next(&hello); name != "hello" || hello.Meta.Role != Server || len(hello.Meta.Ports) != 2 ||
		len(hello.Past) != 0 {
		t.Errorf("first event %q: %+v", name, hello)
	}
	var s Sample
	if name := a.next(&s); name != "sample" || s.Open != 7 || s.Time == 0 || s.Memory == nil {
		t.Errorf("second event %q: %+v", name, s)
	}
	want := []Cache{{"TCP", 8}, {"TCPv6", 0}, {"sock_inode_cache", 0}, {"dentry", 4}, {"filp", 0}, {"eventpoll_epi", 0},
		{"kmalloc-*", 0}, {others, 5}}
	if !slices.Equal(s.Memory.Kernel, want) {
		t.Errorf("caches %v, want %v", s.Memory.Kernel, want)
	}
	var second Sample
	if a.next(&second); second.Opened <= s.Opened || second.Time <= s.Time {
		t.Errorf("second sample %+v after %+v: want a new one", second, s)
	}
	b := watch(t, addr)
	if b.next(&hello); len(hello.Past) < 2 || hello.Past[0].Memory == nil {
		t.Errorf("a second viewer is told of %+v, want what has been", hello.Past)
	}
	var fromA, fromB Sample
	b.next(&fromB)
	for a.next(&fromA); fromA.Opened < fromB.Opened; {
		a.next(&fromA)
	}
	if fromA.Opened != fromB.Opened || fromA.Time != fromB.Time {
		t.Errorf("viewers see samples %d of %d and %d of %d: want the same one", fromA.Opened, fromA.Time, fromB.Opened,
			fromB.Time)
	}
	a.stop()
	b.stop()
	quiet(t, f)
}

// quiet waits until nobody looks any more.
func quiet(t *testing.T, f *fake) {
	t.Helper()
	last := f.looks.Load()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		time.Sleep(every + every/2)
		now := f.looks.Load()
		if now == last {
			return
		}
		last = now
	}
	t.Fatal("somebody goes on looking")
}

// TestTooManyViewers: one more than may watch is told so, and the next one may
// when another leaves.
func TestTooManyViewers(t *testing.T) {
	addr := serve(t, (&fake{}).end())
	var any struct{}
	first := watch(t, addr)
	first.next(&any)
	for range maxViewers - 1 {
		watch(t, addr).next(&any)
	}
	status := func() int {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/events", nil)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode
	}
	if got := status(); got != http.StatusServiceUnavailable {
		t.Errorf("viewer %d: %d, want 503", maxViewers+1, got)
	}
	first.stop()
	for end := time.Now().Add(patience); status() != http.StatusOK; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody can take a place that is free")
		}
	}
}

// TestSlowViewer: one that does not take its events is dropped and holds
// nobody up.
func TestSlowViewer(t *testing.T) {
	f := &fake{}
	h := newHub(f.end())
	slow, fast := h.join(), h.join()
	<-fast.events
	for i := range 2 * behind {
		h.sample(time.Now())
		if _, ok := <-fast.events; !ok {
			t.Fatalf("the viewer that keeps up was dropped after %d samples", i)
		}
	}
	n := 0
	for range slow.events { // closed: it ends
		n++
	}
	if n != behind {
		t.Errorf("%d events were kept for the slow viewer, want %d", n, behind)
	}
	if len(h.viewers) != 1 {
		t.Errorf("%d viewers left, want 1", len(h.viewers))
	}
	h.leave(slow)
	h.leave(fast)
}

// TestMemoryIsSeldom: memory is not in every sample, and is in one again later.
func TestMemoryIsSeldom(t *testing.T) {
	f := &fake{}
	h := newHub(f.end())
	now := time.Now()
	for _, tt := range []struct {
		after time.Duration
		want  int64
	}{{0, 1}, {every, 1}, {memoryRest + every, 2}, {memoryRest + 2*every, 2}} {
		h.sample(now.Add(tt.after))
		if got := f.memory.Load(); got != tt.want {
			t.Errorf("after %v memory was looked at %d times, want %d", tt.after, got, tt.want)
		}
	}
}

// TestNothingYet: an end that has nothing to show yet is shown all the same; the
// page counts on lists.
func TestNothingYet(t *testing.T) {
	h := newHub(End{Meta: Meta{Role: Client}, Look: func(bool) (Sample, error) { return Sample{Phase: "start"}, nil }})
	v := h.join()
	h.sample(time.Now())
	<-v.events
	if e := string(<-v.events); strings.Contains(e, "null") || !strings.Contains(e, `"errors":{}`) ||
		!strings.Contains(e, `"shards":[]`) {
		t.Errorf("the first sample is %s", e)
	}
}

// TestPastIsBounded: a page left open for a week costs no more than one for five
// minutes.
func TestPastIsBounded(t *testing.T) {
	h := newHub((&fake{}).end())
	h.join()
	for i := range 3 * remembered {
		h.sample(time.Unix(int64(i), 0))
	}
	if len(h.past) != remembered || cap(h.past) > 4*remembered {
		t.Errorf("%d samples remembered in %d, want %d", len(h.past), cap(h.past), remembered)
	}
	if last := h.past[remembered-1].Time; last != (3*remembered-1)*1000 {
		t.Errorf("the last one is of %d", last)
	}
}

// TestEnd: when the program ends, its viewers are told.
func TestEnd(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := Serve(l, (&fake{}).end())
	w := watch(t, l.Addr().String())
	var any struct{}
	w.next(&any)
	go stop()
	for name := ""; name != "end"; name = w.next(&any) {
	}
	stop()
	if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
		_ = c.Close()
		t.Error("it still listens after the end")
	}
}
