package report

// cures says for each cause of failure what it means and what helps.
var cures = map[string]string{
	"socket_fd_limit":     "EMFILE: the fd limit of this process; raise ulimit -n or use --private-fds on",
	"socket_file_max":     "ENFILE: fs.file-max of the system is reached",
	"socket_no_memory":    "ENOBUFS/ENOMEM: the kernel has no memory for another socket",
	"bind_no_address":     "EADDRNOTAVAIL: no interface has that source address (--sources)",
	"connect_no_address":  "EADDRNOTAVAIL: local ports used up; add --ports or --sources, widen net.ipv4.ip_local_port_range",
	"connect_refused":     "ECONNREFUSED: nobody listens on that port",
	"connect_reset":       "ECONNRESET: the server or a middle box refused it",
	"connect_timeout":     "no answer: SYN dropped; look at net.core.somaxconn, tcp_max_syn_backlog, firewall, conntrack",
	"connect_unreachable": "no route to the server",
	"connect_no_memory":   "ENOBUFS/ENOMEM: the kernel has no memory for it",
	"epoll_no_watches":    "ENOSPC: raise fs.epoll.max_user_watches",
	"read_closed":         "the server closed it: over its --max-conns or fd limit, or it went away",
	"read_reset":          "the server reset it: over its limit, or it crashed",
	"read_timeout":        "the network or the server's host went silent",
	"write_closed":        "the server was gone when we wrote",
	"echo_mismatch":       "what came back is not what was sent: not an echo server?",
	"echo_surplus":        "the server sent what nobody asked for: not an echo server?",
	"echo_timeout":        "no echo within 10 s",
}
