package scenario

import (
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
)

// haltedByMemory is why the guard ends a ramp.
const haltedByMemory = "memory"

// guard checks memory once and ends the ramp before it runs out. It must never
// block.
func (h *hold) guard() {
	if mem, full := h.memoryFull(); full {
		used, total, group := mem.Bound(plan.MemoryReserve)
		code := "ramp_stopped_by_memory"
		if group {
			code = "ramp_stopped_by_cgroup"
		}
		w := result.Warn(code).Number("used_bytes", float64(used)).
			Number("total_bytes", float64(total)).Number("reserve_share", plan.MemoryReserve)
		h.full.CompareAndSwap(nil, &w)
		h.engine.Halt(haltedByMemory)
	}
}

// memoryFull says whether only the reserve is left, or will be within a few
// checks: a small cgroup fills up that fast. Memory left behind by readers of
// /proc/PID/fd does not count: the kernel reclaims it when needed.
func (h *hold) memoryFull() (proc.Mem, bool) {
	mem, err := h.fp.Mem()
	if err != nil {
		return mem, false
	}
	room := mem.Room(plan.MemoryReserve)
	soon := 2 * (h.room - min(h.room, room)) // as much again as the last two checks
	h.room = room
	if room > soon {
		return mem, false
	}
	if k, err := h.fp.Kernel(); err == nil {
		mem.CleanCache += k.Walked
	}
	return mem, mem.Room(plan.MemoryReserve) <= soon
}
