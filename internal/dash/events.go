package dash

import (
	"net/http"
	"time"
)

// viewerTime is how long a viewer may take to take one event off our hands.
const viewerTime = 10 * time.Second

// serveEvents is /events: server-sent events until the viewer leaves, falls
// behind, or the program ends.
func (h *hub) serveEvents(w http.ResponseWriter, r *http.Request) {
	v := h.join()
	if v == nil {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many are watching", http.StatusServiceUnavailable)
		return
	}
	defer h.leave(v)
	setStream(r)
	rc := http.NewResponseController(w)
	// The server's read deadline would end the stream. It is not needed any more: the
	// request has been read, and a viewer that leaves is noticed without it.
	if err := rc.SetReadDeadline(time.Time{}); err != nil {
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // for a proxy in between
	for {
		var e []byte
		var ok bool
		select {
		case <-r.Context().Done():
			return
		case e, ok = <-v.events:
		}
		if !ok || rc.SetWriteDeadline(time.Now().Add(viewerTime)) != nil {
			return
		}
		if _, err := w.Write(e); err != nil || rc.Flush() != nil {
			return
		}
	}
}
