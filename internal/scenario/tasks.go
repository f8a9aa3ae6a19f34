package scenario

import (
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
)

// runtimeThreads is how many threads the Go runtime may need beside the engine's:
// one for each processor that it runs goroutines on, and a few for its monitor,
// its template thread and blocking calls. When clone(2) fails it ends the process
// with a dump of all registers, so the threads are counted beforehand.
func runtimeThreads() int64 { return int64(sys.Cores()) + 8 }

// engineTasks is how many threads each of the engine's takes: itself, and one with which
// the runtime may collect garbage on the processor that Seat has given it.
const engineTasks = 2

// RoomToStart says whether there is room for the runtimes of so many processes of
// ours. It is for the very beginning, before they are started.
func RoomToStart(processes int64) error {
	fp, err := proc.Here()
	if err != nil {
		return nil // whoever needs them will get the error
	}
	return roomToStart(fp, processes)
}

func roomToStart(fp proc.FS, processes int64) error {
	need := processes * runtimeThreads()
	if bounds := fp.TaskBounds(); len(bounds) > 0 && bounds[0].Left() < need {
		return fault(boundBy(bounds[0], result.Warn("no_threads_to_start").Count("need", need)), nil)
	}
	return nil
}

// boundBy adds what bounds the threads, and what helps.
func boundBy(b proc.TaskBound, what result.Warning) result.Warning {
	return what.Word("bound", b.String()).Word("cure", b.Cure)
}

// taskRoom is how many threads the engine may have.
type taskRoom struct {
	threads int64
	by      proc.TaskBound // what bounds them; without a name nothing does
}

// roomForThreads reads what bounds the number of threads; an error if not even one
// fits. It must run before anything starts threads.
func roomForThreads(fp proc.FS) (taskRoom, error) {
	bounds := fp.TaskBounds()
	if len(bounds) == 0 {
		return taskRoom{threads: maxTables}, nil
	}
	r := taskRoom{threads: (bounds[0].Left() - runtimeThreads()) / engineTasks, by: bounds[0]}
	if r.threads < 1 {
		return r, fault(boundBy(r.by, result.Warn("no_threads_to_run").Count("runtime", runtimeThreads())), nil)
	}
	return r, nil
}

// bind limits the fd tables of a machine to the number of threads, since each
// private table belongs to a thread.
func (r taskRoom) bind(m *plan.Machine) {
	if r.by.Name == "" || r.threads >= m.Tables {
		return
	}
	m.Tables, m.TablesWhy, m.TablesCure = r.threads, r.by.String(), r.by.Cure
}

// check says whether so many threads are too many; conns is what they are for.
func (r taskRoom) check(threads, conns int64) error {
	if r.by.Name == "" || threads <= r.threads {
		return nil
	}
	return fault(boundBy(r.by, result.Warn("too_few_threads").Count("conns", conns).Count("need", threads).
		Count("room", r.threads)), nil)
}
