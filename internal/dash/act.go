package dash

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// MinToken is the least length of a token: 16 characters cannot be guessed over a
// network.
const MinToken = 16

// maxOrder bounds the body of a request that changes something; none is needed.
const maxOrder = 1 << 10

// order guards what changes something: it takes POST only, with the token that the
// endpoint was started with as a bearer token (RFC 6750 section 2.1); without such a
// token it refuses everybody. A page of another site cannot send it through a browser:
// with an Authorization header the browser asks first (a CORS preflight), which guard
// refuses.
func (e End) order(act func()) http.HandlerFunc {
	want := sha256.Sum256([]byte(e.Token))
	return func(w http.ResponseWriter, r *http.Request) {
		if e.Token == "" {
			http.Error(w, "nothing can be changed here: the server was started without --control-token", http.StatusForbidden)
			return
		}
		// Hashes of equal length, compared in constant time, tell an attacker nothing, not
		// even the token's length.
		given, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		got := sha256.Sum256([]byte(given))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 || !bearer {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "the token of --control-token is missing or wrong", http.StatusUnauthorized)
			return
		}
		if _, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxOrder)); err != nil {
			http.Error(w, "the request's body is too large", http.StatusRequestEntityTooLarge)
			return
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprintln(w, "done as told")
		act()
	}
}
