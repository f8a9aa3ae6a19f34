package shard

import (
	"fmt"
	"math"
)

// Overhead is how many fds of a process are not for connections, given its numbers of
// ports and event loops. Each loop has a listening socket for every port, an epoll
// instance and an eventfd for itself and for its lane (gnet/lane.go), at times a
// connection that it has accepted and not yet refused, and one that moves to the lane
// and has two fds meanwhile. The control endpoint serves 64 connections at once, each
// of which may have a file of /proc open. The rest are the Go runtime's fds, inherited
// ones, and a margin, so that accept4(2) never fails with EMFILE.
func Overhead(ports, loops int) int64 {
	return int64(loops)*int64(ports+6) + otherFDs
}

const otherFDs = 2*64 + 72

// supervised is how many workers, up to most, a supervisor with nofile fds can have. It
// holds two for each worker, a pidfd and its end of their socket pair, and while the
// worker is being started the other end as well.
func supervised(nofile uint64, most int) int {
	return max(1, int(min(int64(most), (int64(nofile)-otherFDs)/3)))
}

// Parked is how many clients' connections a supervisor with nofile fds and that many
// workers can hold until another worker has been started.
func Parked(nofile uint64, workers int) int {
	return max(0, int(min(int64(nofile), 1<<20))-otherFDs-3*workers)
}

// Size is how a server is divided into processes.
type Size struct {
	Workers int   // worker processes; 1: one process, without a supervisor unless it is recycled
	Loops   int   // event loops of each worker
	Limit   int64 // connections that each worker may hold, below what its fd table does
}

// Fit decides on the number of worker processes: as few as the fd limit allows
// for conns connections, or exactly workers if that is not 0. nofile is the
// soft RLIMIT_NOFILE of one process; each event loop has listeners of its own
// for every port. SO_REUSEPORT distributes connections by a hash, so a worker's share
// has a standard deviation of its square root: room for five of these is added.
func Fit(conns int64, nofile uint64, ports, cores, workers int) (Size, error) {
	if most := supervised(nofile, MaxWorkers); workers > most {
		return Size{}, fmt.Errorf("%d workers: a supervisor of %d file descriptors can have %d; "+
			"raise the fd limit (ulimit -Hn)", workers, nofile, most)
	}
	if workers > 0 {
		s := sizeFor(workers, nofile, ports, cores)
		if s.Limit < 1 {
			return s, fmt.Errorf("%d ports × %d event loops leave no file descriptor of %d for connections; "+
				"raise the fd limit or listen on fewer ports", ports, s.Loops, nofile)
		}
		return s, nil
	}
	if sizeFor(cores, nofile, ports, cores).Limit < 1 {
		return Size{}, fmt.Errorf("%d ports leave no file descriptor of %d for connections; "+
			"raise the fd limit (ulimit -Hn) or listen on fewer ports", ports, nofile)
	}
	most := supervised(nofile, MaxWorkers)
	for n := 1; n <= most; n++ {
		if s := sizeFor(n, nofile, ports, cores); conns <= s.holds() {
			return s, nil
		}
	}
	return Size{}, fmt.Errorf("%d connections do not fit into %d workers of %d file descriptors with %d ports; "+
		"raise the fd limit (ulimit -Hn) or ask for fewer with --max-conns", conns, most, nofile, ports)
}

// FitTables is Fit for an engine whose event loops take fd tables of their own, so that
// one process holds any number of connections. loops is the number of event loops that
// accept; 0 stands for one a core, or fewer if their listeners would take more than half
// of an fd table.
func FitTables(conns int64, nofile uint64, ports, cores, workers, loops int) (Size, error) {
	workers = max(1, workers)
	if most := supervised(nofile, MaxWorkers); workers > most {
		return Size{}, fmt.Errorf("%d workers: a supervisor of %d file descriptors can have %d; "+
			"raise the fd limit (ulimit -Hn)", workers, nofile, most)
	}
	if loops == 0 {
		loops = max(1, (cores+workers-1)/workers)
		for loops > 1 && Overhead(ports, loops) > int64(nofile)/2 {
			loops--
		}
	}
	if Overhead(ports, loops) >= int64(nofile) {
		return Size{}, fmt.Errorf("%d ports × %d event loops leave no file descriptor of %d for connections; "+
			"raise the fd limit (ulimit -Hn) or listen on fewer ports", ports, loops, nofile)
	}
	return Size{Workers: workers, Loops: loops, Limit: conns}, nil
}

// AutoWorkers is the most workers a server takes when --max-conns is not given:
// each costs some 50 ms of CPU time to start with 400 ports, and more memory than
// a thousand connections.
const AutoWorkers = 512

// Most is how many connections most workers hold, by Fit's rule, and how many workers
// those are: no more than a supervisor can have.
func Most(nofile uint64, ports, cores, most int) (conns int64, workers int) {
	workers = supervised(nofile, most)
	return sizeFor(workers, nofile, ports, cores).holds(), workers
}

// holds is how many connections the kernel can distribute without one worker, at
// five deviations, getting more than its limit: share + 5 √share = limit.
func (s Size) holds() int64 {
	if s.Limit < 1 || s.Workers == 1 {
		return s.Limit
	}
	root := (math.Sqrt(25+4*float64(s.Limit)) - 5) / 2
	return int64(root*root) * int64(s.Workers)
}

func sizeFor(workers int, nofile uint64, ports, cores int) Size {
	loops := max(1, (cores+workers-1)/workers) // no core without a loop
	return Size{Workers: workers, Loops: loops, Limit: int64(nofile) - Overhead(ports, loops)}
}
