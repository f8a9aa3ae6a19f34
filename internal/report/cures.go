package report

import "strings"

// cures says for each cause of failure what it means and what helps, in one
// line of a report: the errno of connect(2), socket(2), epoll_ctl(2), read(2) and its cure.
var cures = map[string]string{
	"socket_fd_limit":     "EMFILE: this process is out of fds: ulimit -n, or --private-fds on",
	"socket_file_max":     "ENFILE: the whole system is out of files: raise fs.file-max",
	"socket_no_memory":    "ENOBUFS/ENOMEM: no kernel memory for another socket: fewer --conns",
	"socket_no_buffers":   "ENOBUFS/ENOMEM: no kernel memory for another socket: fewer --conns",
	"bind_no_address":     "EADDRNOTAVAIL: no interface has that source address: see --sources",
	"connect_no_address":  "EADDRNOTAVAIL: local ports used up: more --ports, --sources, local range",
	"connect_refused":     "ECONNREFUSED: nobody listens there: is it up, are --ports right?",
	"connect_reset":       "ECONNRESET: the server or something before it refused: is it at its limit?",
	"connect_timeout":     "SYN unanswered: raise somaxconn, tcp_max_syn_backlog; see firewall",
	"connect_unreachable": "EHOSTUNREACH/ENETUNREACH: no route to the server: see --host, ip route",
	"connect_no_memory":   "ENOBUFS/ENOMEM: no kernel memory for the connection: fewer --conns",
	"connect_no_buffers":  "ENOBUFS/ENOMEM: no kernel memory for the connection: fewer --conns",
	"connect_self":        "nobody listens, and the local port was the same: keep ports out of the range",
	"epoll_no_watches":    "ENOSPC: out of epoll watches: raise fs.epoll.max_user_watches",
	"handshake_timeout":   "no WebSocket answer in time: overloaded, or no WebSocket port?",
	"handshake_closed":    "closed before the WebSocket answer: over its limit, or a TCP port?",
	"handshake_refused":   "another HTTP status than 101: see --path, --header, --subprotocol",
	"handshake_invalid":   "the answer breaks RFC 6455 section 4.1: is that a WebSocket server?",
	"read_close_frame":    "the server sent a WebSocket close frame: it drains, or we were idle",
	"read_protocol":       "the server's frames break RFC 6455: is that a WebSocket server?",
	"close_timeout":       "no answer to our WebSocket close frame within 5 s",
	"read_closed":         "the server closed it: over its --max-conns or fd limit, or it went away",
	"read_reset":          "ECONNRESET: the server reset it: over its limit, or it crashed",
	"read_timeout":        "ETIMEDOUT: the network or the server's machine went silent",
	"write_closed":        "EPIPE/ECONNRESET: the server was gone when we wrote",
	"echo_mismatch":       "other bytes came back than were sent: is that an echo server?",
	"echo_surplus":        "bytes came that nobody asked for: is that an echo server?",
	"echo_timeout":        "no echo in time: the server is overloaded, or it does not echo",
	"echo_overdue":        "due and never sent: the connection waited for echoes; --depth, more --conns",
}

// kindred are cures by the last words of a cause, for phases that are not
// listed: a protocol's own handshake, for example.
var kindred = []struct{ suffix, cure string }{
	{"_fd_limit", "EMFILE: a process is out of fds: raise ulimit -n"},
	{"_file_max", "ENFILE: the whole system is out of files: raise fs.file-max"},
	{"_no_address", "EADDRNOTAVAIL: no local address or port is left: more --ports or --sources"},
	{"_no_memory", "ENOBUFS/ENOMEM: the kernel has no memory for it: fewer --conns"},
	{"_no_buffers", "ENOBUFS/ENOMEM: the kernel has no memory for it: fewer --conns"},
	{"_no_watches", "ENOSPC: out of epoll watches: raise fs.epoll.max_user_watches"},
	{"_refused", "the other end said no: is it the right port and protocol?"},
	{"_closed", "the other end closed it: over its limit, or it went away"},
	{"_reset", "ECONNRESET: the other end reset it: over its limit, or it crashed"},
	{"_timeout", "no answer in time: the other end is overloaded or gone"},
}

// cure is what helps against a failure; "" if that is not known.
func cure(name string) string {
	if c, ok := cures[name]; ok {
		return c
	}
	for _, k := range kindred {
		if strings.HasSuffix(name, k.suffix) {
			return k.cure
		}
	}
	return ""
}
