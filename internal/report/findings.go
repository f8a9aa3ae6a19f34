package report

// findings are the words for the codes of package diagnose.
var findings = map[string]finding{
	"accept_queue_full": {name: "accept queue full", evidence: queueSeen, meaning: queueMeans,
		cure: "[sysctl -w net.core.somaxconn=65535 (now {=somaxconn}) and a larger backlog in listen(2), then restart " +
			"the server; and accept faster|accept faster: more --workers or event loops]",
		waits: "on the backlog of a listening port"},
	"accept_queue_of_another_program_full": {name: "accept queue of another program full",
		evidence: append(queueSeen[:len(queueSeen):len(queueSeen)], "full was port {=other_port}, which is not the "+
			"server's: {other_waiting} waiting with room for {other_room}"),
		meaning: queueMeans, cure: "find who listens there (ss -ltnp) and does not accept"},
	"a_new_connection_for_each_task": {name: "a new connection for each task",
		evidence: []string{"process {=pid}[ ({process})] opened" + opened,
			"at that rate TIME_WAIT takes {taken} of {ports} local ports"},
		meaning: "Each of them is a handshake, a local port for the 60 s of TIME_WAIT where this end closes " +
			"first, and a process or thread that the other server starts for it. Code that never mentions that " +
			"server does this, too: a result store, a session, an ORM or a metrics client without a pool " +
			"connects behind a call.",
		cure: "keep one connection, or a pool, for each process (a result backend that is not needed: off; " +
			"persistent connections of the ORM: on; keep-alive of the HTTP client), or a pooler beside it " +
			"(pgbouncer, a local proxy)"},
	"all_processors_busy": {name: "all processors busy", evidence: busySeen,
		meaning: "Threads wait for a processor: latency is the length of that queue.",
		cure:    "more cores, or client and server on two machines; fewer messages or connections a second"},
	"calls_per_message": {name: "calls per message",
		evidence: []string{"{calls_per_message} calls of read(2) and write(2) a message, over {messages} messages"},
		meaning:  "One read and one write a message are enough, less with pipelining.",
		cure:     "larger buffers; messages in one piece"},
	"cgroup_cpu_quota": {name: "cgroup CPU quota",
		evidence: []string{"{whose} may use {processors} processors (control group {group}): held up in {throttled} of " +
			"{periods} periods, its threads for {throttled_seconds} together"},
		meaning: "A control group that has used up its quota of processor time does not run until the next period " +
			"begins, mostly after 100 ms: latency comes in steps of that, and the machine's processors look idle.",
		cure:  "raise or lift the quota (docker --cpus, CPUQuota= of systemd, resources.limits.cpu of Kubernetes)",
		waits: "on its quota of processor time"},
	"conntrack_full": {name: "conntrack full",
		evidence: []string{"{entries} of {max} entries in use[, {dropped} packets dropped for it]"},
		meaning: "Connection tracking remembers every connection, closed ones for two minutes more. When its table " +
			"is full, the kernel drops the first packet of each new connection: connects time out, nobody is told.",
		cure: "sysctl -w net.netfilter.nf_conntrack_max={=want}, or no tracking for these ports (nft: notrack)"},
	"event_loop_blocked_by_a_call": {name: "event loop blocked by a call",
		evidence: []string{"the event loop of process {=pid}[ ({process})] sat in {call}(2) on {upstream} at {looks} of " +
			"{of} looks", "its thread used {~ran_share} of a processor", "it opened" + opened},
		meaning: "An event loop serves its connections one after another. While it waits for that answer it serves " +
			"none of them, however many there are, and its processor idles: more processors do not help.",
		cure: "a driver that does not block (asyncio, libuv: one written for the loop), or the call in a pool of " +
			"threads (run_in_executor, asyncio.to_thread, worker_threads); and a shorter answer from there" +
			"[; and keep the connection, or a pool of them, instead of opening {new}]",
		waits: "in a call on another server"},
	"file_descriptors_used_up": {name: "file descriptors used up",
		evidence: []string{"the client's socket(2) failed {failed} times with EMFILE",
			"process {=pid}[ ({process})] holds {open} of {limit} file descriptors"},
		meaning: aSocketIsAnFD,
		cure: "[ulimit -n for {whose}, or --private-fds on|raise the limit (ulimit -n, LimitNOFILE=, " +
			"prlimit --pid), or more worker processes]"},
	"idle_timeout": {name: "idle timeout",
		evidence: []string{"{closed} of {established} connections were closed by the other end, nine of ten after " +
			"{from_ns} to {to_ns} of silence, over {over_seconds}"},
		meaning: "All were lost at the same age: that is an idle timeout of the server, or of a proxy or load balancer " +
			"between, and no limit on how many there may be.",
		cure: "--interval {=often_ns} sends on each connection before it counts as idle (from the end of the ramp " +
			"and --settle on, so let these be shorter); or raise the timeout: server --idle-timeout, nginx " +
			"proxy_timeout and proxy_read_timeout, haproxy timeout client, server and tunnel"},
	"idle_yet_slow": {name: "idle, yet slow",
		evidence: []string{"busiest processor {~busiest_share}, p99 grew from {p99_first_ns} to {p99_last_ns}"},
		meaning: "Neither a processor, a shard, a lock nor a queue of the machine is at its limit: what answers is " +
			"waiting for something, like a backend, a disk, a timer or its own locks, or the network is.",
		cure: "look at what the server's threads sleep in (as root: cat /proc/PID/task/*/wchan), at its backends, " +
			"and at ping and loss on the way"},
	"local_ports_used_up": {name: "local ports used up",
		evidence: []string{"{failed} connects failed with EADDRNOTAVAIL",
			"{used} of {ports} local ports in use from {from} to {to}, {in_time_wait} of them in TIME_WAIT"},
		meaning: "A connection needs a local port that no other connection to the same destination from the same " +
			"source has. TIME_WAIT holds each for 60 s after the close, on the side that closes first.",
		cure: "a wider net.ipv4.ip_local_port_range, more --sources or --ports, connections that are kept " +
			"(keep-alive, a pool), net.ipv4.tcp_tw_reuse=1, or let the other side close first"},
	"many_in_time_wait": {name: "many in TIME_WAIT",
		evidence: []string{"{sockets} sockets", "{came} came in {over_seconds}", "at most {connecting} on the side " +
			"that had connected and {accepting} on the side that had accepted"},
		meaning: "Whoever closes a connection first keeps it for 60 s more. On the side that had connected it holds " +
			"a local port, on the other only memory. So many tell of connections that serve one request each.",
		cure: "keep connections: keep-alive, a pool, in a proxy also towards its upstreams"},
	"memory_low": {name: "memory low",
		evidence: []string{"[{bound}: {used_bytes} of {total_bytes} are in use|{free_bytes} of {total_bytes} are free or " +
			"can be dropped at once]"},
		meaning: "Below 5 % the kernel begins to look for a process to kill, and each allocation may have to wait.",
		cure: "fewer connections, [a higher {bound} (MemoryMax= and MemoryHigh= of systemd, docker --memory)" +
			"|more memory], or server and client on two machines"},
	"one_hot_shard": {name: "one hot shard",
		evidence: []string{"[event loop {=loop} of|worker] process {=pid} did {~work_share} of the work ({measure}) and " +
			"wanted {wanted_cores}, the other {others} did {~others_share}",
			"[it was given {given} of {accepted} connections|it holds {held} of {open} connections]" +
				"[, all on the only port, {=port}]"},
		meaning: "A connection stays with the worker, and there with the event loop, that it was assigned to. The " +
			"others idle while this one has a queue: the machine looks half empty and latency grows.",
		cure: "more ports or more connections for the kernel to distribute, other source ports, fewer workers; or " +
			"see which connections are the busy ones",
		waits: "on one shard"},
	"one_server_thread_busy": {name: "one server thread busy",
		evidence: []string{"thread {=tid}[ ({thread})] of process {=pid}[ ({process})]" + ranAndWaited},
		meaning:  "What this thread does is done one after the other: more cores do not help.",
		cure:     "more event loops or --workers, so that the work is spread",
		waits:    "on one thread, which works all the time"},
	"open_files_of_the_system_used_up": {name: "open files of the system used up",
		evidence: []string{"{open} of {max} (fs.file-max), {failed} calls failed with ENFILE"},
		meaning:  aSocketIsAnFD, cure: "sysctl -w fs.file-max=..."},
	"orphaned_sockets": {name: "orphaned sockets", evidence: []string{"{orphans} of {max} (tcp_max_orphans)"},
		meaning: "Sockets that were closed and still have data to send: above the limit the kernel resets them.",
		cure:    "let the peers read before closing; raise net.ipv4.tcp_max_orphans"},
	"others_use_the_processors": {name: "others use the processors", evidence: busySeen,
		meaning: "Other programs of this machine take the processors; what is measured here is theirs as much as " +
			"the server's.",
		cure: "end them (top), or measure on a machine that is idle"},
	"processors_taken_by_the_hypervisor": {name: "processors taken by the hypervisor",
		evidence: []string{"{~stolen_share} of the time was stolen"},
		meaning:  "This is a virtual machine and its host gives the processors to others.",
		cure:     "another host, or an instance type with processors of its own"},
	"server_full": {name: "server full",
		evidence: []string{"the server refused {refused} connections; it holds {held} and takes {max}"},
		meaning:  "The server closes what it cannot hold before its fds run out.",
		cure:     "start it with a larger --max-conns, or a higher fd limit"},
	"server_stopped": {name: "server stopped",
		evidence: []string{"process {=pid} was stopped (state T) at {stopped} of {looks} looks",
			"up to {unread_bytes} waited for it to be read"},
		meaning: "A signal (SIGSTOP, SIGTSTP), a debugger or a frozen container keeps the server from running: " +
			"connections and messages wait in the kernel.",
		cure: "kill -CONT {=pid}, and find who stops it", waits: "as the server does not run at all"},
	"soft_interrupts": {name: "soft interrupts",
		evidence: []string{"core {=core} spends {~core_softirq_share} of its time in soft interrupts, all {cores} cores " +
			"{~softirq_share} on average"},
		meaning: "Packets are handled in soft interrupts, on the core that took the interrupt, before any program " +
			"sees them.",
		cure: "spread the network card's queues over the cores (ethtool -L, RPS: " +
			"/sys/class/net/*/queues/rx-*/rps_cpus)"},
	"syn_cookies_sent": {name: "SYN cookies sent", evidence: cookiesSeen,
		meaning: "The queue of handshakes that wait for the client's last ACK was full, so these SYNs were answered " +
			"by a cookie: it takes no memory, but such a connection may lose its window scaling and SACK, and one " +
			"whose last ACK gets lost hangs. So many at a time come from a burst of clients, from clients that " +
			"never answer, or from a SYN flood.",
		cure: longerSynQueue},
	"syn_queue_full": {name: "SYN queue full", evidence: handshakesSeen,
		meaning: "Handshakes that wait for the client's last ACK have a queue of their own; the client repeats a " +
			"dropped SYN after 1 s.",
		cure: longerSynQueue, waits: "on the SYN queue of a listening port"},
	"tcp_memory": {name: "TCP memory",
		evidence: []string{"{pages} pages in the queues of sockets; tcp_mem is {calm_pages} {pressure_pages} {most_pages}",
			"{cut} connections were cut (TCPAbortOnMemory)"},
		meaning: "Past the middle mark of tcp_mem the kernel shrinks the windows of all connections, past the last " +
			"it cuts some: some program does not read what is sent to it.",
		cure: "find who does not read (ss -tmn, Recv-Q and Send-Q), bound what waits for slow readers, or raise " +
			"net.ipv4.tcp_mem"},
	"the_client_is_busy": {name: "the client is busy",
		evidence: []string{"a thread of the client" + ranAndWaited, "the server had {server_cores}"},
		meaning: "The client works as fast as it can: what was measured may be the client's limit and not the " +
			"server's.",
		cure: "more --threads, or more machines for the client"},
	"threads_used_up": {name: "threads used up", evidence: []string{"{bound} {=limit}, {=used} in use"},
		meaning: "Processes and threads count together. Where no more can be made, a server does not grow, and a Go " +
			"program ends as a whole.",
		cure: "{raise}, or fewer --threads and --workers"},
	"time_wait_table_full": {name: "TIME_WAIT table full",
		evidence: []string{"{forgotten} connections were forgotten at once, tcp_max_tw_buckets is {max}"},
		meaning: "No more sockets may stay in TIME_WAIT: the next ones are dropped without it. It frees ports, and " +
			"a late packet of an old connection may then meet a new one.",
		cure: "keep connections instead of closing them; or raise net.ipv4.tcp_max_tw_buckets"},
	"waiting_for_a_lock": {name: "waiting for a lock",
		evidence: []string{"{sleeping_mean} threads of the server on average slept for a lock of the kernel, mostly in " +
			"{function} ({looks} looks)"},
		meaning: "Threads that share an fd, a file position or an address space wait for each other there: more " +
			"threads do not help, and no processor is busy.",
		cure: "fewer threads for one process and more processes (--workers), an fd of its own for each thread, " +
			"pread/pwrite instead of shared file positions",
		waits: "on a lock of the kernel"},
}

// What several findings have in common.
const (
	queueMeans = "Finished handshakes wait in a queue until the server accepts them. When it is full the kernel " +
		"drops what comes, and the client tries again 1, 3, 7 s later: latency in steps of seconds, with idle processors."
	sentAgain      = "{sent_again} SYNs and SYN-ACKs were sent again (TCPSynRetrans)"
	longerSynQueue = "sysctl -w net.ipv4.tcp_max_syn_backlog=262144 net.core.somaxconn=65535, and restart the server"
	aSocketIsAnFD  = "A socket is an fd. Without one a server cannot accept and a client cannot connect."
	opened         = " {new} connections to {upstream} within {over_seconds}, {new_per_second}, and {ended} of them " +
		"have ended again"
	ranAndWaited = " ran for {~ran_share} of the time and waited for a processor for {~waited_share}"
)

var (
	queueSeen = []string{"{overflows} connections overflowed an accept queue (ListenOverflows), {drops} SYNs and ACKs " +
		"were dropped (ListenDrops)", sentAgain,
		"the fullest, port {=port}, had {waiting} waiting with room for {room}"}
	handshakesSeen = []string{"{dropped} SYNs were dropped because the queue of unfinished handshakes was full " +
		"(TCPReqQFullDrop)", "{cookies} SYN cookies were sent because it was full (TCPReqQFullDoCookies)", sentAgain}
	cookiesSeen = []string{"{cookies} SYN cookies were sent because the queue of unfinished handshakes was full " +
		"(TCPReqQFullDoCookies)", sentAgain}
	busySeen = []string{"{cores} cores, {~busy_share} busy: server {~server_share}, client {~client_share}, others " +
		"{~others_share}; of all this, soft interrupts {~softirq_share}", "run queue: {runnable_mean} threads on average",
		"the server was ready to run and waited for {server_waited_cores}"}
)
