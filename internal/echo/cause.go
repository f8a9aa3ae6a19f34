package echo

import "github.com/c10m/c10m/internal/sys"

// The causes for which the server refused or ended a connection by itself.
const (
	OverLimit  = iota // more than --max-conns, or no fd left
	Draining          // arrived after the drain began
	SlowReader        // it took nothing of what waited for it, for --stall
	IdleTimeout
	HandshakeTimeout // no whole WebSocket handshake within its deadline
	HandshakeRefused // answered with 400, 405, 426 or 431
	BadFrames        // breach of RFC 6455, closed with 1002
	BadUTF8          // text that is not UTF-8, closed with 1007
	TooBig           // more than --max-message, closed with 1009
	Upstream         // of a relay: its upstream failed
	FileMax          // the machine is nearly out of files, fs.file-max
	MemoryLow        // the machine, or our cgroup, is nearly out of memory
	TLSHello         // TLS on a port that speaks plain WebSocket, answered with 400
	OverBudget       // ended because too much was buffered for all peers together, --buffer-budget
	UrgentData       // urgent data beyond a gap in the stream, which keeps a loop of gnet's awake
	CutShort         // reset with output waiting for it: no fd was left for the lane, or the engine ended
	WatchLimit       // fs.epoll.max_user_watches is used up: epoll_ctl(2) ENOSPC
	AcceptFailed     // accept4(2) failed with an unforeseen error, which is logged
	// Of TLS.
	TLSPlainText      // what came is no TLS; to a request of HTTP the answer is 400
	TLSTimeout        // no whole handshake within its deadline, or ended while others waited to begin theirs
	TLSClosed         // the peer has closed in the middle of the handshake
	TLSVersion        // no version in common
	TLSCipher         // no cipher, curve or kind of key in common
	TLSProtocol       // no application protocol in common, --alpn
	TLSNoCertificate  // the client has none, --client-ca
	TLSBadCertificate // the client's is expired, or signed by nobody in --client-ca
	TLSUntrusted      // the client refuses ours, by an alert
	TLSAlert          // any other alert of the peer
	TLSBroken         // a breach of RFC 8446 or RFC 5246: what came cannot be decrypted, or has no place there
	nCauses
)

// NoCause is none of them: an orderly end.
const NoCause = -1

// CauseNames are the causes as reports and metrics name them.
var CauseNames = [nCauses]string{
	OverLimit:        "over_limit",
	Draining:         "draining",
	SlowReader:       "slow_reader",
	IdleTimeout:      "idle_timeout",
	HandshakeTimeout: "handshake_timeout",
	HandshakeRefused: "handshake_refused",
	BadFrames:        "ws_protocol",
	BadUTF8:          "ws_utf8",
	TooBig:           "ws_too_big",
	Upstream:         "upstream",
	FileMax:          "file_max",
	MemoryLow:        "memory_low",
	TLSHello:         "tls_hello",
	OverBudget:       "over_budget",
	UrgentData:       "urgent_data",
	CutShort:         "cut_short",
	WatchLimit:       "watch_limit",
	AcceptFailed:     "accept_failed",

	TLSPlainText:      "tls_plain_text",
	TLSTimeout:        "tls_timeout",
	TLSClosed:         "tls_closed",
	TLSVersion:        "tls_version",
	TLSCipher:         "tls_cipher",
	TLSProtocol:       "tls_protocol",
	TLSNoCertificate:  "tls_no_certificate",
	TLSBadCertificate: "tls_bad_certificate",
	TLSUntrusted:      "tls_untrusted",
	TLSAlert:          "tls_alert",
	TLSBroken:         "tls_broken",
}

// CauseOf is the cause of an error of accept4(2) or epoll_ctl(2).
func CauseOf(errno sys.Errno) int {
	switch errno {
	case sys.EMFILE:
		return OverLimit
	case sys.ENFILE:
		return FileMax
	case sys.ENOBUFS, sys.ENOMEM:
		return MemoryLow
	case sys.ENOSPC:
		return WatchLimit
	}
	return AcceptFailed
}
