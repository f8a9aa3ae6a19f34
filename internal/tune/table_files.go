package tune

import "fmt"

// Linux capabilities, capabilities(7), as bits of CapEff in /proc/self/status.
const (
	capSysAdmin    = 21
	capSysResource = 24
)

// Keys that are no sysctl.
const (
	KeyNofileSoft = "RLIMIT_NOFILE.soft"
	KeyNofileHard = "RLIMIT_NOFILE.hard"
	KeyTHP        = "transparent_hugepage"
	KeySlabWaste  = "slab.TCP.waste_permille"
	KeyCaps       = "process.cap_eff"
	KeyNetNS      = "process.net_namespace"
	KeyNetCookie  = "process.net_cookie"
	KeyBootID     = "kernel.random.boot_id"
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

// nofileCure raises the limit of the calling shell: a limit cannot be raised
// from a child process.
func nofileCure(t Target) string {
	return fmt.Sprintf("as root in this shell: ulimit -n %d; for every login: bin/tuning apply --conns %d --persist", t.fdsPerProcess(), t.Conns)
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

// fdsAtLeast is below what a run would be split into hundreds of fd tables.
func (t Target) fdsAtLeast() int64 { return t.Conns/256 + 1024 }

// watchesOfUser is what the run takes of fs.epoll.max_user_watches.
func (t Target) watchesOfUser() int64 {
	if t.TwoUsers {
		return t.Conns
	}
	return t.sockets()
}

// needFileMax: CAP_SYS_ADMIN passes fs.file-max.
func needFileMax(t Target, get Reader) (string, bool) {
	if hasCap(get(KeyCaps), capSysAdmin) {
		return "", false
	}
	return fmt.Sprint(t.sockets()), true
}

// needNofile: server and client take as many fd tables as it takes, so a low
// limit hurts only when that would be hundreds.
func needNofile(t Target, get Reader) (string, bool) {
	if hasCap(get(KeyCaps), capSysResource) {
		return "", false
	}
	return fmt.Sprint(t.fdsAtLeast()), true
}
