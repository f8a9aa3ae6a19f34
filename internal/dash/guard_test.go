package dash

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

// paths are all that an endpoint answers on, files included.
var paths = []string{"/", "/dash.js", "/causes.js", "/dash.css", "/icon.svg", "/events", "/metrics", "/healthz",
	"/footprint",
	"/debug/pprof/", "/debug/pprof/symbol", "/debug/pprof/heap", "/debug/pprof/profile?seconds=1",
	"/debug/pprof/trace?seconds=1"}

// ask sends a request through the guard and gives the answer; /events would
// not end, so only its refusal can be seen.
func ask(t *testing.T, method, path, host string, header map[string]string) *http.Response {
	t.Helper()
	h := newHub((&fake{}).end())
	r := httptest.NewRequestWithContext(t.Context(), method, "http://"+host+path, nil)
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	guard(routes(h), []string{"c10m.example"}).ServeHTTP(w, r)
	return w.Result()
}

// TestGuard: requests of other sites' pages are refused on every path, those of people and
// programs are answered.
func TestGuard(t *testing.T) {
	site := func(s string) map[string]string { return map[string]string{"Sec-Fetch-Site": s} }
	link := map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
	frame := map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
	for _, tt := range []struct {
		name, host string
		header     map[string]string
		allowed    []string // paths; nil: none
	}{
		{"program", "127.0.0.1:9090", nil, paths},
		{"IPv6", "[::1]:9090", nil, paths},
		{"localhost", "localhost:9090", nil, paths},
		{"address without port", "10.1.2.3", nil, paths},
		{"own page", "localhost:9090", site("same-origin"), paths},
		{"typed in", "localhost:9090", site("none"), paths},
		{"own page without metadata", "10.1.2.3:9090", map[string]string{"Origin": "http://10.1.2.3:9090"}, paths},
		{"a name that --control-host admits", "C10M.example.:9090", nil, paths},
		{"every address", "0.0.0.0:9090", nil, nil},
		{"every IPv6 address", "[::]:9090", nil, nil},
		{"every address, mapped", "[::ffff:0.0.0.0]:9090", nil, nil},
		{"rebound name", "evil.example:9090", nil, nil},
		{"a name that ends like ours", "localhost.evil.example", nil, nil},
		{"no host", "", nil, nil},
		{"another site's picture or script", "127.0.0.1:9090", site("cross-site"), nil},
		{"another port's page", "localhost:9090", site("same-site"), nil},
		{"another site without metadata", "127.0.0.1:9090", map[string]string{"Origin": "http://evil.example"}, nil},
		{"a hidden origin", "127.0.0.1:9090", map[string]string{"Origin": "null"}, nil},
		{"another site's frame", "127.0.0.1:9090", frame, nil},
		{"another site's link", "127.0.0.1:9090", link, []string{"/"}},
	} {
		for _, path := range paths {
			want := http.StatusForbidden
			if slices.Contains(tt.allowed, path) {
				want = http.StatusOK
			}
			if want == http.StatusOK && (path == "/events" || strings.Contains(path, "seconds")) {
				continue // they take time: TestEvents, TestProfile
			}
			if got := ask(t, http.MethodGet, path, tt.host, tt.header).StatusCode; got != want {
				t.Errorf("%s: GET %s: %d, want %d", tt.name, path, got, want)
			}
		}
	}
}

// TestHostSays: the answer to a refused Host says which hosts are accepted.
func TestHostSays(t *testing.T) {
	for host, want := range map[string]string{"0.0.0.0:9090": "ask for one of this machine's",
		"web.example": "--control-host"} {
		resp := ask(t, http.MethodGet, "/metrics", host, nil)
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusForbidden || !strings.Contains(string(body), want) ||
			strings.Count(string(body), "\n") != 1 {
			t.Errorf("Host %s: %d %q, %v; want 403 and %q", host, resp.StatusCode, body, err, want)
		}
	}
}

// TestExposed: an endpoint that other machines can reach is warned of, in one line that
// names the flag.
func TestExposed(t *testing.T) {
	for addr, exposed := range map[string]bool{"": false, "127.0.0.1:9090": false, "127.3.2.1:1": false,
		"[::1]:9090": false, "[::ffff:127.0.0.1]:9090": false,
		"0.0.0.0:9090": true, "[::]:9090": true, "10.1.2.3:9090": true} {
		got := Exposed("--dash", addr)
		if (got != "") != exposed || exposed && (!strings.HasPrefix(got, "--dash "+addr+": everybody") ||
			strings.Contains(got, "\n")) {
			t.Errorf("at %q it says %q", addr, got)
		}
	}
}

// TestReadOnly: without a token no request changes anything.
func TestReadOnly(t *testing.T) {
	for _, path := range paths {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
			if got := ask(t, method, path, "127.0.0.1", nil).StatusCode; got != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d, want 405", method, path, got)
			}
		}
	}
	if got := ask(t, http.MethodGet, "/nothing", "127.0.0.1", nil).StatusCode; got != http.StatusNotFound {
		t.Errorf("GET /nothing: %d, want 404", got)
	}
}

// TestProfile: there is one to be had, but nobody can have the program profiled
// for an hour.
func TestProfile(t *testing.T) {
	resp := ask(t, http.MethodGet, "/debug/pprof/trace?seconds=1", "127.0.0.1", nil)
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK || err != nil || len(body) < 100 {
		t.Errorf("a trace of 1 s: status %d, %d bytes, %v", resp.StatusCode, len(body), err)
	}
	for _, worker := range []string{"0", "x"} { // of a program that has none
		if got := ask(t, http.MethodGet, "/debug/pprof/heap?worker="+worker, "127.0.0.1", nil).StatusCode; got !=
			http.StatusBadRequest {
			t.Errorf("worker=%s: %d, want 400", worker, got)
		}
	}
	for _, seconds := range []string{"3600", "0", "-1", "0.5", "NaN", "x", "1e9"} {
		if got := ask(t, http.MethodGet, "/debug/pprof/profile?seconds="+seconds, "127.0.0.1", nil).StatusCode; got !=
			http.StatusBadRequest {
			t.Errorf("seconds=%s: %d, want 400", seconds, got)
		}
	}
}

// TestPolicy: the page runs nothing but its own script, and asks for nothing
// from elsewhere: it works without the internet.
func TestPolicy(t *testing.T) {
	for _, path := range []string{"/", "/dash.js", "/causes.js", "/dash.css", "/icon.svg", "/metrics", "/debug/pprof/"} {
		resp := ask(t, http.MethodGet, path, "127.0.0.1", nil)
		got := resp.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(got, "default-src 'none'") || strings.Contains(got, "unsafe") ||
			!strings.Contains(got, "frame-ancestors 'none'") {
			t.Errorf("GET %s: Content-Security-Policy %q", path, got)
		}
		if resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s: no nosniff", path)
		}
	}
	outside := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9.-]+\.[a-z]{2,}`)
	inline := regexp.MustCompile(
		`(?i)\son[a-z]+=|\sstyle=|<style|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(`)
	for _, path := range []string{"/", "/dash.js", "/causes.js", "/dash.css", "/icon.svg"} {
		body, err := io.ReadAll(ask(t, http.MethodGet, path, "127.0.0.1", nil).Body)
		if err != nil || len(body) < 100 {
			t.Fatalf("GET %s: %d bytes, %v", path, len(body), err)
		}
		for _, hit := range outside.FindAllString(string(body), -1) {
			if hit != "http://www.w3.org" { // the name of SVG, which nobody fetches
				t.Errorf("GET %s names %s", path, hit)
			}
		}
		if hit := inline.FindString(string(body)); hit != "" {
			t.Errorf("GET %s has %q", path, hit)
		}
	}
}

func TestFootprintDepth(t *testing.T) {
	for query, want := range map[string]Depth{"": Exact, "?memory=0": Counts, "?memory=resident": Resident,
		"?memory=1": Exact} {
		asked := Depth(-1)
		end := (&fake{}).end()
		report := end.Report
		end.Report = func(d Depth) (result.ServerReport, error) { asked = d; return report(d) }
		w := httptest.NewRecorder()
		routes(newHub(end)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/footprint"+query, nil))
		if asked != want || w.Code != http.StatusOK {
			t.Errorf("/footprint%s: depth %d, status %d; want %d", query, asked, w.Code, want)
		}
	}
}
