package shard

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/sys"
)

// Worker is this process as one of several.
type Worker struct {
	Page   *Page
	Socket *Socket

	index     int
	listeners atomic.Pointer[[]int] // its listening sockets; none yet: empty
	followMu  sync.Mutex
	followed  int64 // the newest order to distribute connections
}

// NewWorker is worker number i of at most n, made from the fds inherited from its
// supervisor.
func NewWorker(i, n int) (*Worker, error) {
	page, err := InheritPage(n)
	if err != nil {
		return nil, err
	}
	socket, err := InheritSocket()
	if err != nil {
		return nil, err
	}
	w := &Worker{Page: page, Socket: socket, index: i}
	w.listeners.Store(new([]int))
	return w, nil
}

// Run runs the worker's engine until the supervisor sends SIGTERM or has died: the
// lifeline is a pipe whose other end only the supervisor holds, so it ends however the
// supervisor does.
func (w *Worker) Run(engine string, cfg echo.Config) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	// Ctrl-C and the terminal's hangup reach the whole process group; what to do then is
	// for the supervisor to decide.
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP)
	go func() {
		_, _ = io.Copy(io.Discard, os.NewFile(lifelineFD, "lifeline"))
		stop()
	}()
	if len(w.Page.Slots) > runtime.NumCPU() {
		// More workers than cores have to take turns. SCHED_BATCH (sched(7)) makes turns
		// long, so that a worker finds many connections and messages waiting in each; with
		// short ones the cores would mostly switch. Without it everything works, but slower.
		_ = sys.SetProcessPolicy(sys.Batch)
		sys.SetCores(cfg.Loops)
	}
	joined, err := w.Page.join(w.index)
	if err != nil {
		return err
	}
	cfg.OnReady = func() { // gnet may restart, with new listeners
		defer joined()
		fds, err := sys.Listeners()
		if err != nil {
			cfg.Logf("%v; this worker cannot attach the program that distributes connections", err)
			return
		}
		w.listeners.Store(&fds)
	}
	cfg.TotalOpen, cfg.Budget, cfg.Sharers = w.Page.TotalOpen, w.Page.Budget, len(w.Page.Slots)*cfg.Loops
	cfg.PassOn, cfg.Handed = w.Socket.PassOn, w.handed
	return Engine(ctx, engine, cfg, w.Page.Slots[w.index])
}

// handed calls take with the fd of each client that other workers have no room for,
// until the engine is done or the supervisor is gone.
func (w *Worker) handed(done <-chan struct{}, take func(fd int)) {
	for {
		select {
		case <-done:
			return
		case fd := <-w.Socket.clients:
			take(fd)
			w.Page.states[w.index].taken.Add(1)
		case <-w.Socket.shut:
			return
		}
	}
}

// Engine runs the engine of that name in this process, with Settle beside it. GOGC
// stays as the user has set it: idle connections make next to no garbage, so a larger
// heap would save no noticeable time while they arrive, and a smaller one no memory
// once Settle has run.
func Engine(ctx context.Context, engine string, cfg echo.Config, ctr *echo.Counters) error {
	ctr.PID.Store(int32(os.Getpid()))
	quiet, cancel := context.WithCancel(ctx)
	defer cancel()
	go Settle(quiet, ctr)
	return echo.Serve(ctx, engines[engine], cfg, ctr)
}

// Settle returns the heap's free memory to the system after two seconds without a new
// connection, a close or a message, once for each such pause, and ends threads that
// nobody needs. Go does neither by itself while nothing is allocated, and the memory of a
// burst would stay for ever.
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
			ctr.Heap.Store(0) // outdated
			continue
		}
		if quiet++; quiet == 2 && dirty {
			dirty = false
			ctr.Heap.Store(giveBack())
		}
	}
}

// soonCollected is one that a single core collects within tens of milliseconds, in bytes.
const soonCollected = 64 << 20

// giveBack does what Settle says, and returns the bytes that live in the heap. A small
// heap is collected by as few threads as there are cores: each of the runtime's that
// takes part keeps memory for the next time.
func giveBack() int64 {
	sys.EndIdleThreads()
	collect := func() {
		runtime.GC() // a sync.Pool gives up what it keeps at the second collection
		debug.FreeOSMemory()
	}
	var m runtime.MemStats
	if runtime.ReadMemStats(&m); m.HeapAlloc <= soonCollected {
		sys.Unseated(collect)
	} else {
		collect()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
