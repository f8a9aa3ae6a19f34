// Package proc reads /proc and /sys/fs/cgroup: kernel memory by slab cache,
// user memory of processes, processor time, threads, sockets, limits, namespaces;
// and it fits what a connection costs to a series of such readings.
//
// It is the only room that parses files of /proc and the only one that imports
// prometheus/procfs. It never writes, never decides and never prints: who reads a
// limit here decides what it means. Every reader takes its root directory from
// [New], so that recorded files can stand in for a kernel, and a file that is
// absent, hidden or nonsensical is an error or an unknown, never a guess.
//
//	fs, err := proc.Here()
//	if err != nil {
//		return err
//	}
//	mem, err := fs.Mem() // /proc/meminfo, and the memory cgroups that bind this process
package proc
