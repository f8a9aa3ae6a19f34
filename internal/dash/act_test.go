package dash

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestDrainNeedsTheToken(t *testing.T) {
	const token = "correct horse battery"
	tests := []struct {
		name, token, method, host string
		header                    map[string]string
		body                      string
		status                    int
		drained                   bool
	}{
		{"no token was set", "", "POST", "127.0.0.1", map[string]string{"Authorization": "Bearer "}, "", 403, false},
		{"none given", token, "POST", "127.0.0.1", nil, "", 401, false},
		{"wrong", token, "POST", "127.0.0.1", map[string]string{"Authorization": "Bearer correct horse batterz"}, "",
			401, false},
		{"beginning", token, "POST", "127.0.0.1", map[string]string{"Authorization": "Bearer correct"}, "", 401, false},
		{"not as a bearer", token, "POST", "127.0.0.1", map[string]string{"Authorization": token}, "", 401, false},
		{"in the query", token, "POST", "127.0.0.1/?token=" + token, nil, "", 401, false},
		{"GET", token, "GET", "127.0.0.1", map[string]string{"Authorization": "Bearer " + token}, "", 405, false},
		{"rebound name", token, "POST", "evil.example", map[string]string{"Authorization": "Bearer " + token}, "", 403,
			false},
		{"another site", token, "POST", "127.0.0.1", map[string]string{"Authorization": "Bearer " + token,
			"Origin": "http://evil.example"}, "", 403, false},
		{"another site, by metadata", token, "POST", "127.0.0.1", map[string]string{"Authorization": "Bearer " + token,
			"Sec-Fetch-Site": "cross-site"}, "", 403, false},
		{"huge body", token, "POST", "127.0.0.1", map[string]string{"Authorization": "Bearer " + token},
			strings.Repeat("x", maxOrder+1), 413, false},
		{"right", token, "POST", "127.0.0.1:9090", map[string]string{"Authorization": "Bearer " + token}, "", 202, true},
		{"right, with a body", token, "POST", "localhost", map[string]string{"Authorization": "Bearer " + token}, "{}",
			202, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			drained := false
			end := (&fake{}).end()
			end.Token, end.Drain = tt.token, func() { drained = true }
			host, query, _ := strings.Cut(tt.host, "/?")
			r := httptest.NewRequestWithContext(t.Context(), tt.method, "http://"+host+"/drain", strings.NewReader(tt.body))
			r.URL.RawQuery = strings.ReplaceAll(query, " ", "+")
			for k, v := range tt.header {
				r.Header.Set(k, v)
			}
			w := httptest.NewRecorder()
			guard(routes(newHub(end)), nil).ServeHTTP(w, r)
			if w.Code != tt.status || drained != tt.drained {
				t.Errorf("status %d, drained %v: %s; want %d, %v", w.Code, drained, w.Body.String(), tt.status, tt.drained)
			}
		})
	}
}

// TestClientHasNothingToDrain: the client's page takes no orders at all.
func TestClientHasNothingToDrain(t *testing.T) {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1/drain", nil)
	w := httptest.NewRecorder()
	guard(routes(newHub((&fake{}).end())), nil).ServeHTTP(w, r)
	if w.Code != http.StatusNotFound {
		t.Errorf("status %d, want 404", w.Code)
	}
}

func FuzzOwnHost(f *testing.F) {
	for _, host := range []string{"127.0.0.1:9090", "[::1]:9090", "localhost", "evil.example", "localhost.evil.example",
		"127.0.0.1.evil.example",
		"", ":", "[", "[]:1", "[localhost]", "127.1", "0x7f.1", "fe80::1%eth0", "LOCALHOST:1"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if badHost(host, nil) != "" {
			return
		}
		// Whatever passes must not be a name that a stranger can own: but for
		// localhost and an IPv6 zone, it has no letter beyond hexadecimal ones.
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		bare, _, _ := strings.Cut(strings.ToLower(strings.Trim(host, "[]")), "%")
		if rest, is := strings.CutPrefix(bare, "localhost"); is && (rest == "" || rest == "." || rest[0] == ':' ||
			rest[0] == ']') {
			return
		}
		if strings.ContainsAny(bare, "ghijklmnopqrstuvwxyz") {
			t.Errorf("Host %q is taken for an address", host)
		}
	})
}
