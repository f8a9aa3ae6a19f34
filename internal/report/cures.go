package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// cures says for each cause of loadgen.Causes what it means and what helps, in
// one line of a report: the errno of connect(2), socket(2), epoll_ctl(2), read(2)
// and its cure.
var cures = map[string]string{
	"agent_lost": "nothing more heard of it: killed, out of memory, cut off? see its log",

	"socket_fd_limit":  "EMFILE: this process is out of fds: ulimit -n, or --private-fds on",
	"socket_file_max":  "ENFILE: the whole system is out of files: raise fs.file-max",
	"socket_no_memory": "ENOBUFS/ENOMEM: no kernel memory for another socket: fewer --conns",
	"socket_other":     "socket(2) failed otherwise: a seccomp filter, or no such address family?",

	"bind_no_address": "EADDRNOTAVAIL: no interface has that source address: see --sources",
	"bind_other":      "bind(2) failed otherwise: may this user use that address of --sources?",

	"connect_no_address":  "EADDRNOTAVAIL: local ports used up: more --ports, --sources, local range",
	"connect_refused":     "ECONNREFUSED: nobody listens there: is it up, are --ports right?",
	"connect_reset":       "ECONNRESET: the server or something before it refused: is it at its limit?",
	"connect_timeout":     "SYN unanswered: raise somaxconn, tcp_max_syn_backlog; see firewall",
	"connect_unreachable": "EHOSTUNREACH/ENETUNREACH: no route to the server: see --host, ip route",
	"connect_no_memory":   "ENOBUFS/ENOMEM: no kernel memory for the connection: fewer --conns",
	"connect_self":        "nobody listens, and the local port was the same: keep ports out of the range",
	"connect_other":       "connect(2) failed otherwise: a firewall of this machine (EPERM, EACCES)?",

	"epoll_no_watches": "ENOSPC: out of epoll watches: raise fs.epoll.max_user_watches",
	"epoll_other":      "epoll_ctl(2) failed otherwise: ENOMEM: fewer --conns",

	"tls_timeout":           "no TLS handshake in time: overloaded, or no TLS port? lower --rate, --window",
	"tls_closed":            "closed in the TLS handshake: over its limit, or it wants --sni NAME",
	"tls_not_tls":           "no TLS is spoken there: ws:// or tcp:// and no --tls, or another port",
	"tls_expired":           "its certificate expired, or is not valid yet: renew it, check the clocks",
	"tls_unknown_authority": "nobody we trust has signed its certificate: --ca FILE, or --insecure",
	"tls_wrong_name":        "its certificate is for another name: --sni NAME, or --insecure",
	"tls_bad_certificate":   "certificate not good for this (RFC 5280): --show-failure, or --insecure",
	"tls_version":           "no TLS version in common: ours are 1.2 and 1.3; is it older?",
	"tls_cipher":            "no cipher or curve in common: --show-failure shows what it chose",
	"tls_protocol":          "it chose an ALPN protocol that was not offered: see --alpn",
	"tls_alert_certificate": "it refuses our certificate, or wants one: --cert FILE --key FILE",
	"tls_alert_handshake":   "alert handshake_failure: no cipher in common, or it wants --sni or --cert",
	"tls_alert_name":        "alert unrecognized_name: it does not know the name asked for: --sni NAME",
	"tls_alert_protocol":    "alert no_application_protocol: it takes none of --alpn: another, or none",
	"tls_alert":             "the server ended TLS with an alert: --show-failure names it; see its log",
	"tls_other":             "TLS failed otherwise: --show-failure shows how",

	"handshake_timeout":      "no WebSocket answer in time: overloaded, or no WebSocket port?",
	"handshake_closed":       "closed before the WebSocket answer: over its limit, or a TCP port?",
	"handshake_status_200":   "a plain page instead of a WebSocket: another path, or another port",
	"handshake_status_301":   "moved: --show-failure shows where; see --path (/ at its end?), or use TLS",
	"handshake_status_302":   "found elsewhere, often a login page: see --path, --header Cookie:...",
	"handshake_status_307":   "redirected: --show-failure shows where; see --path, or it wants TLS",
	"handshake_status_308":   "redirected: --show-failure shows where; see --path, or it wants TLS",
	"handshake_status_400":   "nginx before it? It must pass on HTTP/1.1, Upgrade, Connection; see --header",
	"handshake_status_401":   "the server wants to know who you are: --header Authorization:...",
	"handshake_status_403":   "forbidden: --header Origin:..., Cookie:..., or this address is not let in",
	"handshake_status_404":   "nothing at that path: see --path, and --header Host:... for a virtual host",
	"handshake_status_405":   "that path takes no GET: see --path",
	"handshake_status_426":   "nginx before it? proxy_http_version 1.1 and the Upgrade, Connection headers",
	"handshake_status_429":   "too many from one address: lower --rate, more --sources, or lift its limit",
	"handshake_status_500":   "the server's handler failed: see its log, --path, --header, --subprotocol",
	"handshake_status_502":   "the proxy cannot reach the server: is it up, are there ports to it left?",
	"handshake_status_503":   "over its limit, or no server behind the proxy: raise it, lower --rate",
	"handshake_status_504":   "the server did not answer its proxy in time: is it overloaded?",
	"handshake_status_other": "another HTTP status than 101: --show-failure shows the answer",
	"handshake_tls":          "that port speaks TLS: --tls (with --ca FILE or --insecure if need be)",
	"handshake_echoed":       "our own request came back: a TCP echo port: --proto tcp, or --first-port",
	"handshake_not_http":     "no HTTP came back: is that a WebSocket port? see --first-port",
	"handshake_http_version": "HTTP/1.0 cannot upgrade: a proxy without proxy_http_version 1.1?",
	"handshake_malformed":    "the answer's header breaks RFC 9112: --show-failure shows it",
	"handshake_too_long":     "the answer's header exceeds 8 KiB: --show-failure shows it",
	"handshake_no_upgrade":   "101 without Upgrade, Connection: does a proxy before it strip them?",
	"handshake_accept":       "Sec-WebSocket-Accept does not fit the key: a cache, or no WebSocket server?",
	"handshake_extension":    "it chose an extension not offered: --deflate, if it is permessage-deflate",
	"handshake_deflate":      "it took permessage-deflate on terms not offered: leave out --deflate",
	"handshake_subprotocol":  "it chose none of the subprotocols offered, or one not offered: --subprotocol",

	"read_closed":     "the server closed it: over its --max-conns or fd limit, gone, or wants --tls",
	"read_reset":      "ECONNRESET: the server reset it: over its limit, or it crashed",
	"read_timeout":    "ETIMEDOUT: the network or the server's machine went silent",
	"read_other":      "read(2) or epoll_wait(2) failed otherwise: see the kernel's log",
	"read_protocol":   "the server's frames break RFC 6455: is that a WebSocket server?",
	"read_compressed": "compressed frames that nobody agreed on (RFC 7692): --deflate offers them",
	"read_inflate":    "a compressed message is broken, or more than 16 MiB: --show-failure",
	"read_close_none": "closed without a code: the server's own decision: see its log",
	"read_close_app":  "closed with a code of its own (3000..4999): --show-failure shows which",
	"read_close_1000": "1000 normal closure: the server was done, or drops who is idle: --interval",
	"read_close_1001": "1001 going away: the server drains or restarts, or we were idle: --interval",
	"read_close_1002": "1002 protocol error: it refused a frame: does a proxy change what passes?",
	"read_close_1003": "1003 unsupported data: it takes no binary messages: --text",
	"read_close_1007": "1007 invalid payload: it reads messages as UTF-8: --text",
	"read_close_1008": "1008 policy: a limit of rate, size or idle time, or no login: see its log",
	"read_close_1009": "1009 message too big: --size is above the server's --max-message",
	"read_close_1010": "1010 it wants an extension: --deflate offers permessage-deflate",
	"read_close_1011": "1011 internal error: the server's handler failed: see its log",
	"read_close_1012": "1012 service restart: try again, or --reconnect",
	"read_close_1013": "1013 try again later: the server is overloaded: fewer --conns, lower --rate",
	"read_close_1014": "1014 bad gateway: a proxy lost the server behind it",

	"read_alert_certificate": "it refuses our certificate, or wants one: --cert FILE --key FILE",
	"read_alert":             "the server ended TLS with an alert: --show-failure names it; see its log",
	"read_tls":               "what came breaks TLS: does something on the way change what passes?",

	"write_closed": "EPIPE/ECONNRESET: the server was gone when we wrote",
	"write_other":  "send(2) failed otherwise: the network or the server's machine is gone",

	"echo_mismatch": "no echo came back, but other bytes: --expect any, if the server pushes",
	"echo_text":     "the right bytes came back as text, not binary: --text sends text",
	"echo_binary":   "the right bytes came back as binary, not text: leave out --text",
	"echo_tls":      "that port speaks TLS: --tls (with --ca FILE or --insecure if need be)",
	"echo_http":     "an HTTP server answered: --proto ws, or another port",
	"echo_surplus":  "unasked bytes: greetings or pushes of a server that is no echo: --expect any",
	"echo_timeout":  "no answer in time: the server is overloaded, or no answer fits --expect",
	"echo_overdue":  "due and never sent: the connection waited for answers; --depth, more --conns",
	"echo_skipped":  "due while this client was stopped or had no processor time: left out",

	"ping_timeout": "no pong: is the server stuck, does a proxy drop pings? or --ping-timeout",

	"close_timeout": "no answer to our WebSocket close frame within 5 s",
}

// cure is what helps against a failure; "" if that is not known. Tries to
// reconnect fail of what connects fail of.
func cure(name string) string { return cures[strings.TrimPrefix(name, "reconnect_")] }

// securedCures are those of runs in which every connection is secured already.
var securedCures = map[string]string{
	"read_closed":          "the server closed it: over its --max-conns or fd limit, or gone: see its log",
	"handshake_status_301": "moved: --show-failure shows where; see --path (/ at its end?)",
	"handshake_status_307": "redirected: --show-failure shows where; see --path",
	"handshake_status_308": "redirected: --show-failure shows where; see --path",
}

// cureFor is what helps against a failure of this run: how its connections were lost,
// and over what, may say more than the cause alone.
func cureFor(name string, r *result.Result) string {
	cause := strings.TrimPrefix(name, "reconnect_")
	if r.TLS != nil {
		secured := securedCures[cause]
		switch {
		case (cause == "tls_alert" || cause == "read_alert") && len(r.TLS.Alerts) > 0:
			return fmt.Sprintf("the server ended TLS with an alert (in all: %s): see its log", alertsText(r.TLS.Alerts))
		case secured != "" && !r.TLS.Mixed && r.Conns.IdleTimeout == 0:
			return secured
		}
	}
	if after := r.Conns.IdleTimeout; after > 0 && (strings.HasPrefix(name, "read_close") || name == "read_reset") {
		return fmt.Sprintf("closed after %s of silence: an idle timeout, of the server or a proxy; --interval %[2]s "+
			"(ws: --ping %[2]s)",
			unit.Nanos(after), shortly(after/2))
	}
	return cure(name)
}

// shortly is a time as a flag takes it.
func shortly(ns int64) string {
	d := time.Duration(ns)
	if d >= 2*time.Second {
		d = d.Truncate(time.Second)
	} else {
		d = d.Truncate(10 * time.Millisecond)
	}
	flag := unit.Duration(d)
	return flag.String()
}
