package dash

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/c10m/c10m/internal/result"
)

const (
	// every is the time between two samples.
	every = time.Second
	// Memory is expensive to read, a file for each process. It is sampled at most every
	// memoryPause, so seldom that it takes no more than 1/memoryShare of a core, but at
	// least every memoryRest.
	memoryPause = 2 * time.Second
	memoryShare = 300
	memoryRest  = 10 * time.Second
	// maxViewers bounds who watches at a time.
	maxViewers = 16
	// behind is how many events may wait for a viewer before the viewer is dropped.
	behind = 8
	// remembered is how many samples' main numbers a new viewer gets at once.
	remembered = 300
)

// hub samples once a second for all viewers together, and only while there are
// any.
type hub struct {
	end   End
	began time.Time
	look  sync.Mutex // held around End.Look, which a scrape calls as well

	mu      sync.Mutex
	viewers map[*viewer]bool
	wake    chan struct{} // a first viewer has come
	past    []point       // oldest first
	ended   bool

	memoryNext time.Time // when memory is to be sampled again; only run uses it
}

// viewer is one open page. One that does not take its events is dropped. Closing the
// channel ends it.
type viewer struct{ events chan []byte }

// point is what a page needs of an earlier sample to draw its curves.
type point struct {
	Time     int64   `json:"t"`
	Open     int64   `json:"open"`
	Opened   int64   `json:"opened"`
	Messages int64   `json:"messages"`
	Bytes    int64   `json:"bytes"`
	Memory   *Memory `json:"memory,omitempty"`
}

func newHub(end End) *hub {
	return &hub{end: end, began: time.Now(), viewers: map[*viewer]bool{}, wake: make(chan struct{}, 1)}
}

// join makes a viewer. Its first events are the End's Meta and the samples so far. It is
// nil if there are too many viewers, or if the program ends.
func (h *hub) join() *viewer {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended || len(h.viewers) >= maxViewers {
		return nil
	}
	v := &viewer{events: make(chan []byte, behind)}
	v.events <- event("hello", struct {
		Meta    Meta    `json:"meta"`
		Past    []point `json:"past"`
		EveryMS int64   `json:"every"`
	}{h.end.Meta, h.past, every.Milliseconds()})
	h.viewers[v] = true
	select {
	case h.wake <- struct{}{}:
	default:
	}
	return v
}

// leave ends a viewer, if it has not been dropped before.
func (h *hub) leave(v *viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(v)
}

func (h *hub) drop(v *viewer) {
	if h.viewers[v] {
		delete(h.viewers, v)
		close(v.events)
	}
}

// watched says whether there are viewers.
func (h *hub) watched() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.viewers) > 0
}

// run samples until done. Without viewers it sleeps.
func (h *hub) run(done <-chan struct{}) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		tick.Stop()
		select {
		case <-done:
			return
		case <-h.wake:
		}
		tick.Reset(every)
		for h.watched() {
			h.sample(time.Now())
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}
}

// sample takes a sample and sends it to all viewers. One that cannot be taken is left
// out: the page shows how old its numbers are.
func (h *hub) sample(now time.Time) {
	memory := !now.Before(h.memoryNext)
	h.look.Lock()
	began := time.Now()
	s, err := h.end.Look(memory)
	cost := time.Since(began)
	h.look.Unlock()
	if err != nil {
		return
	}
	if memory {
		pause := min(cost*memoryShare, memoryRest)
		h.memoryNext = now.Add(max(pause, memoryPause) - every/2) // ticks are not exact
	}
	s.Time = now.UnixMilli()
	if s.Errors == nil { // the page wants lists, empty or not
		s.Errors = result.ErrorCounts{}
	}
	if s.Shards == nil {
		s.Shards = []Shard{}
	}
	if s.Memory != nil {
		folded := *s.Memory
		folded.Kernel = fold(folded.Kernel)
		s.Memory = &folded
	}
	e := event("sample", s)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.past = append(h.past, point{s.Time, s.Open, s.Opened, s.Messages, s.Bytes, s.Memory})
	if len(h.past) > remembered {
		h.past = append(h.past[:0], h.past[len(h.past)-remembered:]...)
	}
	for v := range h.viewers {
		select {
		case v.events <- e:
		default:
			h.drop(v)
		}
	}
}

// stop ends all viewers and admits no more.
func (h *hub) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	for v := range h.viewers {
		select {
		case v.events <- event("end", struct{}{}):
		default:
		}
		h.drop(v)
	}
}

// event is a server-sent event, html.spec.whatwg.org section 9.2: its name and
// one line of JSON.
func event(name string, data any) []byte {
	b, err := json.Marshal(data)
	if err != nil { // no type of ours can fail
		b = []byte("null")
	}
	return append(append(append([]byte("event: "+name+"\ndata: "), b...), '\n'), '\n')
}
