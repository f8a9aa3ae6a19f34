package shard

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/sys"
)

// Work runs worker number i's engine until SIGTERM, by the supervisor, or the
// supervisor's end. It ends itself when the lifeline does: no worker outlives its
// supervisor, however that one died.
func Work(page *Page, i int, engine string, cfg echo.Config) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	// Ctrl-C and the terminal's end reach the whole process group; the
	// supervisor decides.
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP)
	go func() {
		_, _ = io.Copy(io.Discard, os.NewFile(lifelineFD, "lifeline"))
		stop()
	}()
	if len(page.Slots) > runtime.NumCPU() {
		// More workers than cores take turns. Woken for each connection or
		// message at once they would spend their time on switching; in turns
		// each finds a batch. Best effort: it is only faster.
		_ = sys.SetProcessPolicy(sys.Batch)
		runtime.GOMAXPROCS(cfg.Loops)
	}
	if i == 0 {
		cfg.OnReady = func() {
			if err := steer(len(page.Slots) * cfg.Loops); err != nil {
				cfg.Logf("%v; workers get their connections by the kernel's hash", err)
			}
		}
	}
	cfg.TotalOpen, cfg.Budget, cfg.Sharers = page.TotalOpen, page.Budget, len(page.Slots)*cfg.Loops
	return Engine(ctx, engine, cfg, page.Slots[i])
}

// steer deals connections evenly to n sockets a port, anew from each start.
func steer(n int) error {
	listeners, err := sys.Listeners()
	if err != nil {
		return err
	}
	return sys.Steer(listeners, sys.NewSteerKey(), slices.Repeat([]uint32{1}, n))
}

// Engine runs the engine of that name in this process, and gives memory back when quiet. GOGC
// stays as it is: idle connections make next to no garbage, so a larger heap saves
// no noticeable time while they arrive, and a smaller one no memory once Settle has
// taken back what is left over.
func Engine(ctx context.Context, engine string, cfg echo.Config, ctr *echo.Counters) error {
	ctr.PID.Store(int32(os.Getpid()))
	quiet, cancel := context.WithCancel(ctx)
	defer cancel()
	go Settle(quiet, ctr)
	return echo.Serve(ctx, engines[engine], cfg, ctr)
}

// Settle returns idle heap to the system, once, after activity has ceased for
// two seconds: no Go server does so by itself while nothing is allocated any
// more, and a burst would be paid for ever. Never on the hot path.
func Settle(ctx context.Context, ctr *echo.Counters) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last int64
	quiet, dirty := 0, true
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		messages, _ := ctr.Messages()
		now := ctr.Accepted.Load() + ctr.Closed.Load() + messages
		if now != last {
			last, quiet, dirty = now, 0, true
			ctr.Heap.Store(0) // what it was is no longer so
			continue
		}
		if quiet++; quiet == 2 && dirty {
			dirty = false
			runtime.GC() // a sync.Pool gives up what it keeps at the second collection
			debug.FreeOSMemory()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			ctr.Heap.Store(int64(m.HeapAlloc))
		}
	}
}
