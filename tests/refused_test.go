package tests

import (
	"fmt"
	"testing"
	"time"

	"github.com/c10m/c10m/tests/rig"
)

// refusingConf is an nginx that does with each path what people's proxies do, and
// a port of TLS. Behind it is a server of ours at port 15000.
const refusingConf = `limit_req_zone $binary_remote_addr zone=slow:1m rate=1r/m;
server {
  listen 127.0.0.1:10080;
  location /good { proxy_pass http://127.0.0.1:15000; proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_set_header Host $host; }
  location /old { proxy_pass http://127.0.0.1:15000; }
  location /bare { proxy_pass http://127.0.0.1:15000; proxy_http_version 1.1; }
  location /dead { proxy_pass http://127.0.0.1:15999; }
  location /page { return 200 "hello"; }
  location /moved { return 301 /good; }
  location /login { return 401; }
  location /forbidden { return 403; }
  location /limited { limit_req zone=slow; limit_req_status 429; try_files /none @good; }
  location @good { proxy_pass http://127.0.0.1:15000; proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }
  location /full { return 503; }
  location / { return 404; }
}
server { listen 127.0.0.1:10443 ssl; ssl_certificate %s; ssl_certificate_key %s; }`

// A real nginx that is set up wrongly in the ways that people ask about: each has
// a cause of its own.
func TestNginxRefuses(t *testing.T) {
	ns := namespace(t, "")
	start(t, 1, ns, "--ws", "15000:1")
	id := rig.Certify(t, time.Now(), "localhost")
	nginxIn(t, ns, fmt.Sprintf(refusingConf, id.Cert, id.Key), 10443)
	for _, tt := range []struct {
		path, want string
		more       []string
	}{
		{"/good", "", nil},
		{"/old", "handshake_status_400", nil}, // HTTP/1.0 to the upstream, or 426, by the server behind it
		{"/bare", "handshake_status_426", nil},
		{"/dead", "handshake_status_502", nil},
		{"/page", "handshake_status_200", nil},
		{"/moved", "handshake_status_301", nil},
		{"/login", "handshake_status_401", nil},
		{"/forbidden", "handshake_status_403", nil},
		{"/nowhere", "handshake_status_404", nil},
		{"/limited", "handshake_status_429", nil},
		{"/full", "handshake_status_503", nil},
		{"/", "handshake_tls", []string{"--first-port", "10443"}},
	} {
		t.Run(tt.path+" "+tt.want, func(t *testing.T) {
			args := append([]string{"hold", "--proto", "ws", "--first-port", "10080", "--ports", "1", "--server-control", "none",
				"--conns", "5", "--hold", "0s", "--path", tt.path}, tt.more...)
			o := client(t, ns, nil, args...)
			if o.Result == nil {
				t.Fatalf("status %d: %s", o.Status, o.Stderr)
			}
			errs := o.Result.Conns.Errors
			if tt.want == "" {
				whole(t, o, 5)
				return
			}
			if o.Status != 1 || errs[tt.want] < 4 || len(errs) != 1 { // the first gets through a limit
				t.Errorf("status %d, %v; want %s", o.Status, errs, tt.want)
			}
		})
	}
}
