package dash

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// policy is the Content-Security-Policy of every answer: our own script and
// style sheet, nothing inline, nothing from elsewhere, no frame around it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// answerTime is how long an answer may take to be written; streams and profiles
// set their own.
const answerTime = 30 * time.Second

// Exposed is the warning for an endpoint at addr that other machines can reach; "" for
// one that they cannot. flag is the flag that gave addr.
func Exposed(flag, addr string) string { return exposed(flag, addr, "counts, memory and profiles") }

// ExposedReport is Exposed for an endpoint that answers only /footprint.
func ExposedReport(flag, addr string) string { return exposed(flag, addr, "counts and memory") }

func exposed(flag, addr, what string) string {
	if at, err := netip.ParseAddrPort(addr); err != nil || at.Addr().Unmap().IsLoopback() {
		return ""
	}
	return fmt.Sprintf("%s %s: everybody who reaches it can read %s; 127.0.0.1 keeps them here", flag, addr, what)
}

// guard stands before every path. It refuses a Host header that is a name other than
// localhost and those in names, against DNS rebinding: a site whose name is made to
// resolve to this address would send its own name. And it refuses requests that other
// sites' pages make; they may only link to the live page.
func guard(next http.Handler, names []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setAsking(r)
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTime))
		if why := badHost(r.Host, names); why != "" {
			http.Error(w, why, http.StatusForbidden)
			return
		}
		if !ownPage(r) {
			http.Error(w, "cross-origin requests are refused", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// badHost says what is wrong with a Host header; "" if nothing is. 0.0.0.0 and :: are
// refused: connect(2) takes them for loopback, and browsers let pages of any site make
// requests to them.
func badHost(host string, names []string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	a, err := netip.ParseAddr(host)
	switch {
	case err == nil && a.Unmap().IsUnspecified():
		return fmt.Sprintf("Host: %s stands for every address and is none: ask for one of this machine's, like "+
			"127.0.0.1", host)
	case err == nil:
		return ""
	}
	host = strings.TrimSuffix(host, ".")
	for _, name := range append([]string{"localhost"}, names...) {
		if strings.EqualFold(host, strings.TrimSuffix(name, ".")) {
			return ""
		}
	}
	if names == nil {
		return "the Host header must be an address or localhost"
	}
	return "the Host header must be an address, localhost, or a name that --control-host admits"
}

// ownPage says whether a request may be answered by where it comes from. Browsers tell
// that by Fetch Metadata (w3.org/TR/fetch-metadata), some only by Origin; other programs
// send neither, and may ask.
func ownPage(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return true
	case "":
		origin := r.Header.Get("Origin")
		return origin == "" || strings.EqualFold(origin, "http://"+r.Host)
	}
	return r.URL.Path == "/" && r.Header.Get("Sec-Fetch-Mode") == "navigate" &&
		r.Header.Get("Sec-Fetch-Dest") == "document"
}
