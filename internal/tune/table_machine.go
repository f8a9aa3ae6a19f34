package tune

// machineSettings are about the machine around the connections.
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
			Why:    "is the share of each slab of TCP sockets that no socket fits in: 13 of 2,368 B in 8 pages waste 60 in 1,000",
			TooLow: "above 30: about 150 B more a socket than with larger slabs (try it: the kernel may keep the order)",
			Source: docBoot + " (slub_max_order)",
			Cure:   func(Target) string { return "boot with slub_max_order=5" },
		},
	}
}
