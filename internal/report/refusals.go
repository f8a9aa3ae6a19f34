package report

// refusal is one cause for which a server of ours refuses or ends connections.
type refusal struct {
	why     string // in a few words, on the live page
	finding        // of several of them; none of those that the client's own causes tell better
}

// refusals are the causes of echo.CauseNames. The words of a finding are what the
// server did, what that means and what helps.
var refusals = map[string]refusal{
	"over_limit":        {why: "refused: more than --max-conns, or no file descriptor left"}, // server_full says more
	"file_max":          {why: "refused: the machine is nearly out of files (fs.file-max)"},
	"draining":          {why: "refused: the server is ending"},
	"idle_timeout":      {why: "closed: silent for --idle-timeout"},
	"handshake_timeout": {why: "no whole WebSocket handshake in time"},
	"handshake_refused": {why: "not a WebSocket handshake"},
	"ws_protocol":       {why: "breach of RFC 6455, closed with 1002"},
	"ws_utf8":           {why: "text that is not UTF-8, closed with 1007"},
	"ws_too_big":        {why: "message over --max-message, closed with 1009"},
	"upstream":          {why: "closed: the relay's connection to its upstream failed"},
	"tls_alert":         {why: "the client ended TLS by an alert"},
	"tls_broken":        {why: "what came has no place in TLS, or cannot be decrypted"},

	"slow_reader": {"closed: it took nothing of its echoes for --stall", refused(
		"dropped {times} connections as slow readers",
		"For as long as --stall their peers took none of the echoes that waited for them. "+
			"A peer that reads, however slowly, is only read from more slowly itself.",
		"let the client read while it sends; or start the server with a longer --stall")},
	"over_budget": {"closed: the largest and slowest above --buffer-budget", refused(
		"dropped {times} connections for what it kept for them",
		"What waits for all peers together was more than --buffer-budget; the largest and slowest go first.",
		"let clients read what they asked for; or start the server with a larger --buffer-budget")},
	"cut_short": {"reset before it had taken all of its echoes: no descriptor was left, or the server ended", refused(
		"reset {times} connections before they had taken all of their echoes",
		"There was no file descriptor left to go on sending by, or the server was ending.",
		"a higher fd limit, or a smaller --max-conns")},
	"urgent_data": {"closed: urgent data that no read takes", refused(
		"reset {times} connections for urgent data",
		"Urgent data beyond a gap in the stream is readiness that no read takes away: "+
			"with gnet it would keep an event loop busy.",
		"send no urgent data (MSG_OOB); --engine epoll does not watch for it")},
	"watch_limit": {"fs.epoll.max_user_watches is used up", refused(
		"refused {times} connections for want of epoll watches",
		"fs.epoll.max_user_watches bounds them over all processes of a user, the client's too.",
		"sysctl -w fs.epoll.max_user_watches=...")},
	"memory_low": {"refused: the machine, or the cgroup, is nearly out of memory", refused(
		"refused {times} connections for want of memory",
		"The machine, or the cgroup of the server, was nearly out of memory.",
		"more memory, or fewer connections")},
	"accept_failed": {"accept4 failed, see the server's stderr", refused(
		"lost {times} connections to errors of accept4(2)",
		"The server's stderr names the error.", "see the server's stderr")},

	"tls_plain_text": {"no TLS on a port that speaks it", refused(
		"was sent plain text {times} times on ports that speak TLS",
		"A client takes the port for one without TLS.",
		"wss:// or https:// instead of ws:// or http://; or start the server without --tls")},
	"tls_timeout": {"no whole TLS handshake in time", refused(
		"gave up {times} TLS handshakes that took too long",
		"Their peers said nothing, or not all, within --handshake-timeout; or had to make room for others.",
		"look for clients that are overloaded or far away; --handshake-timeout is the time that they have")},
	"tls_closed": {"the peer closed in the middle of the TLS handshake", refused(
		"saw {times} peers close in the middle of the TLS handshake",
		"They gave up, or only checked whether somebody answers.", "see the clients' own errors")},
	"tls_version": {"no version of TLS in common", refused(
		"found no version of TLS in common with a peer {times} times",
		"The server speaks TLS 1.2 and 1.3.", "a client that speaks TLS 1.2")},
	"tls_cipher": {"no cipher, curve or kind of key in common", refused(
		"found no cipher, curve or kind of key in common with a peer {times} times",
		"A certificate with an ECDSA key needs clients that support ECDSA.",
		"a certificate with an RSA key (--cert) for clients that know no other")},
	"tls_protocol": {"no application protocol in common (--alpn)", refused(
		"found no application protocol in common with a peer {times} times",
		"The client asks for others than --alpn names (ALPN, RFC 7301).",
		"name what the client asks for in --alpn, or leave that out")},
	"tls_no_certificate": {"the client has no certificate (--client-ca)", refused(
		"refused {times} connections without a client certificate",
		"The server was started with --client-ca.",
		"give the client a certificate and its key, or leave out --client-ca")},
	"tls_bad_certificate": {"the client's certificate is expired, or of nobody in --client-ca", refused(
		"refused the client certificates of {times} connections",
		"They are expired, or none of --client-ca has signed them.",
		"a certificate that one of --client-ca has signed")},
	"tls_untrusted": {"the client refuses our certificate", refused(
		"had its certificate refused {times} times",
		"The clients do not trust whoever signed it; one that the server made at its start is trusted by nobody yet.",
		"give the client the certificate to trust, or its pin; or start the server with --cert and --key that "+
			"it trusts")},
	"tls_hello": {"TLS on a port that speaks plain WebSocket", refused(
		"was sent TLS {times} times on WebSocket ports that speak none",
		"A client takes the port for one of wss://.",
		"ws:// instead of wss://, or a proxy before the server that ends TLS")},
}

// refused is the finding of a server that did something.
func refused(did, meaning, cure string) finding {
	return finding{evidence: []string{"the server " + did}, meaning: meaning, cure: cure}
}
