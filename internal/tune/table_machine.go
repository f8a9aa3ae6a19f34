package tune

import (
	"fmt"
)

const (
	docFS      = "kernel Documentation/admin-guide/sysctl/fs.rst"
	docNet     = "kernel Documentation/admin-guide/sysctl/net.rst"
	docIP      = "kernel Documentation/networking/ip-sysctl.rst"
	docVM      = "kernel Documentation/admin-guide/sysctl/vm.rst"
	docKernel  = "kernel Documentation/admin-guide/sysctl/kernel.rst"
	docTrack   = "kernel Documentation/networking/nf_conntrack-sysctl.rst"
	docBoot    = "kernel Documentation/admin-guide/kernel-parameters.txt"
	docHuge    = "kernel Documentation/admin-guide/mm/transhuge.rst"
	docRlimit  = "getrlimit(2), limits.conf(5), systemd.exec(5)"
	docEpoll   = "epoll(7), proc_sys_fs(5)"
	docProcess = "proc_sys_kernel(5)"
)

// nofileCure is the cure for a low RLIMIT_NOFILE: the calling shell has to raise it,
// because a child process cannot.
func nofileCure(t Target) string {
	return fmt.Sprintf("as root in this shell: ulimit -n %d; for every login: %s --persist",
		t.fdsPerProcess(), t.ApplyCommand())
}

// fileSettings bound the number of file descriptors and watches.
func fileSettings() []Setting {
	return []Setting{
		{
			Key: "fs.nr_open", Scope: Global, Kind: AtLeast, Want: number(Target.fdsPerProcess),
			Need:   needNumber(Target.fdsAtLeast),
			Why:    "is the ceiling of RLIMIT_NOFILE: one process cannot hold more descriptors than this",
			TooLow: "raising RLIMIT_NOFILE above it fails with EPERM",
			Source: docFS,
		},
		{
			Key: "fs.file-max", Scope: Global, Kind: AtLeast, Want: number(Target.filesOfSystem),
			Need:   needFileMax,
			Why:    "counts the open files of the whole machine, so both ends of a local connection",
			TooLow: "accept4 and socket fail with ENFILE, except for root",
			Source: docFS,
		},
		{
			Key: KeyNofileSoft, Scope: Process, Kind: AtLeast, Want: number(Target.fdsPerProcess), Cure: nofileCure,
			Why:    "is what the kernel enforces; Go programs lift it to the hard limit by themselves, others do not",
			TooLow: "accept4 and socket fail with EMFILE",
			Source: docRlimit,
		},
		{
			Key: KeyNofileHard, Scope: Process, Kind: AtLeast, Want: number(Target.fdsPerProcess), Cure: nofileCure,
			Need:   needNofile,
			Why:    "is how far a process may lift its own limit; below it server and client split into several fd tables",
			TooLow: "many fd tables or worker processes are needed where one would do",
			Source: docRlimit,
		},
		{
			Key: "fs.epoll.max_user_watches", Scope: Global, Kind: AtLeast, Want: number(Target.watches),
			Need:   needNumber(Target.watchesOfUser),
			Why:    "bounds the sockets that all epolls of one user watch: server and client together when one user runs both",
			TooLow: "EPOLL_CTL_ADD fails with ENOSPC and the connection is never heard again",
			Source: docEpoll,
		},
	}
}

// fdsAtLeast is the fd limit below which a run would need hundreds of fd tables.
func (t Target) fdsAtLeast() int64 { return t.Conns/256 + 1024 }

// watchesOfUser is how many of fs.epoll.max_user_watches the run takes.
func (t Target) watchesOfUser() int64 {
	if t.TwoUsers {
		return t.Conns
	}
	return t.sockets()
}

// needFileMax: nothing is needed with CAP_SYS_ADMIN, for which fs.file-max does not
// hold.
func needFileMax(t Target, get Reader) (string, bool) {
	if hasCap(get(KeyCaps), capSysAdmin) {
		return "", false
	}
	return fmt.Sprint(t.sockets()), true
}

// needNofile: server and client use as many fd tables as are needed, so a low limit
// hurts only where those would be hundreds.
func needNofile(t Target, get Reader) (string, bool) {
	if hasCap(get(KeyCaps), capSysResource) {
		return "", false
	}
	return fmt.Sprint(t.fdsAtLeast()), true
}

// memorySettings bound what sockets may buffer, and keep a reserve.
func memorySettings() []Setting {
	return []Setting{
		{
			Key: "net.ipv4.tcp_mem", Scope: Global, Kind: Triple,
			Want: func(t Target) (string, bool) {
				high := t.queuePages()
				return fmt.Sprintf("%d %d %d", high/2, high/4*3, high), true
			},
			Need: func(t Target, _ Reader) (string, bool) {
				high := t.sockets() / 50
				return fmt.Sprintf("0 0 %d", high), true
			},
			Why: "bounds the pages of data in all TCP buffers; idle connections use none, a message on every connection " +
				"one page a socket",
			TooLow: "above it sends stall and segments are dropped when many connections talk at once",
			Source: docIP,
		},
		{
			Key: "net.ipv4.tcp_rmem", Scope: Namespace, Kind: Triple, Floor: true, Want: constant("4096 131072 131072"),
			Why: "bounds one socket's receive buffer, taken only when data comes: the kernel's least is enough, smaller " +
				"saves nothing",
			TooLow: "large messages crawl through a small window",
			Source: docIP,
		},
		{
			Key: "net.ipv4.tcp_wmem", Scope: Namespace, Kind: Triple, Floor: true, Want: constant("4096 16384 65536"),
			Why:    "bounds one socket's send buffer, taken only when data is queued: the kernel's least is enough",
			TooLow: "large messages are sent in small pieces",
			Source: docIP,
		},
		{
			Key: "vm.min_free_kbytes", Scope: Global, Kind: AtLeast, Want: number(Target.minFreeKiB),
			Why: "is the reserve for allocations that cannot wait: a SYN's socket is made in softirq, and sockets cannot " +
				"be reclaimed",
			TooLow: "page allocation failures in the kernel log and dropped SYNs while the ramp fills the memory",
			Source: docVM,
		},
		{
			Key: "vm.max_map_count", Scope: Global, Kind: AtLeast, Floor: true, Want: constant("65530"),
			Why:    "bounds the memory maps of a process; flat arrays need few, so the kernel's default is enough",
			TooLow: "the Go runtime dies when a large heap is fragmented into many maps",
			Source: docVM,
		},
		{
			Key: "vm.overcommit_memory", Scope: Global, Kind: Choice, Want: constant("0|1"), Advice: true,
			Need:   func(Target, Reader) (string, bool) { return "0|1", true },
			Why:    "2 refuses allocations by a formula that knows nothing of sockets; 0 and 1 are both fine",
			TooLow: "2: a process may get ENOMEM with memory free",
			Source: docVM,
			Cure:   func(Target) string { return "sysctl -w vm.overcommit_memory=0" },
		},
	}
}

// machineSettings are about threads and memory pages, which connections do not need.
func machineSettings() []Setting {
	return []Setting{
		{
			Key: "kernel.threads-max", Scope: Global, Kind: AtLeast, Floor: true,
			Want:   number(func(t Target) int64 { return 8192 + 64*int64(t.Cores) }),
			Why:    "bounds threads, which connections do not need: one event loop a core, and one thread an fd table",
			TooLow: "worker processes or loops cannot be started",
			Source: docProcess,
		},
		{
			Key: "kernel.pid_max", Scope: Global, Kind: AtLeast, Floor: true, Want: constant("32768"),
			Why:    "bounds thread numbers; the kernel's default is enough as connections need no threads",
			TooLow: "worker processes or loops cannot be started",
			Source: docProcess,
		},
		{
			Key: KeyTHP, Scope: Boot, Kind: Choice, Want: constant("madvise|never"), Advice: true, Optional: true,
			Need:   func(Target, Reader) (string, bool) { return "madvise|never", true },
			Why:    "always backs sparse heaps with 2 MiB pages, so user memory is measured in those steps",
			TooLow: "always: bytes per connection of the processes come out too high",
			Source: docHuge,
			Cure:   func(Target) string { return "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled" },
		},
		{
			Key: KeySlabWaste, Scope: Boot, Kind: AtMost, Want: constant("30"), Advice: true, Optional: true,
			Why: "is the share of each slab of TCP sockets that no socket fits in: 13 of 2,368 B in 8 pages waste 60 in " +
				"1,000",
			TooLow: "above 30: about 150 B more a socket than with larger slabs (try it: the kernel may keep the order)",
			Source: docBoot + " (slub_max_order)",
			Cure:   func(Target) string { return "boot with slub_max_order=5" },
		},
	}
}
