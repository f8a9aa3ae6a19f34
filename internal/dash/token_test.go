package dash

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/pprof"
	"strings"
	"testing"
)

// TestNoPathTellsTheToken: what the program was started with, --control-token's
// value among it, is in no answer: not in a page, not in a profile, not in what
// a refusal says.
func TestNoPathTellsTheToken(t *testing.T) {
	const token = "correct-horse-battery-staple"
	args := os.Args
	os.Args = append(args[:len(args):len(args)], "--control-token", token, "--header", "Authorization: Bearer "+token)
	t.Cleanup(func() { os.Args = args })
	end := (&fake{}).end()
	end.Token, end.Drain = token, func() { t.Error("drained unasked") }
	all := append([]string{"/nothing", "/drain", "/debug/pprof/cmdline", "/debug/pprof/trace?seconds=x",
		"/debug/pprof/goroutine?debug=2"}, paths...)
	for _, p := range pprof.Profiles() {
		all = append(all, "/debug/pprof/"+p.Name()+"?debug=1")
	}
	h := guard(routes(newHub(end)), nil)
	for _, path := range all {
		if path == "/events" {
			continue // it would not end; its first events follow
		}
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "http://127.0.0.1"+path, nil))
			if body, err := io.ReadAll(w.Result().Body); err != nil || strings.Contains(string(body), token) {
				t.Errorf("%s %s tells the token (%v)", method, path, err)
			}
		}
	}
	if got := ask(t, http.MethodGet, "/debug/pprof/cmdline", "127.0.0.1", nil).StatusCode; got != http.StatusNotFound {
		t.Errorf("GET /debug/pprof/cmdline: %d, want 404", got)
	}
	w := watch(t, serve(t, end))
	for range 2 {
		var data any
		if name := w.next(&data); strings.Contains(string(event(name, data)), token) {
			t.Errorf("event %s tells the token", name)
		}
	}
}
