package scenario

import (
	"runtime"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/tune"
)

// thisHost is the machine that we run on, with its kernel's settings as they are
// in our network namespace.
func thisHost(commit string) result.Host {
	h := result.Host{Kernel: sys.Kernel(), CPUs: runtime.NumCPU(), MemoryBytes: sys.TotalMemory(),
		Go: runtime.Version(), Commit: commit, Settings: tune.InForce()}
	if fp, err := proc.Here(); err == nil { // else it is not known where that is
		h.BootID, _ = fp.BootID()
		h.Net = fp.Namespaces().Net
	}
	return h
}
