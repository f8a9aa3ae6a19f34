package shard

import (
	"fmt"
	"math"
)

// Overhead is how many fds of a process are not for connections, with its ports
// and event loops. Each loop listens on every port by itself, has an epoll and an
// eventfd for itself and for its lane, may hold a connection that it has accepted
// and not yet refused, and one twice that moves. The
// control endpoint serves 64 connections at once, each of which may have a file of
// /proc open. The rest is the runtime's own and the inherited ones, and a margin
// that accept4(2) never reaches.
func Overhead(ports, loops int) int64 {
	return int64(loops)*int64(ports+6) + otherFDs
}

const otherFDs = 2*64 + 72

// supervised is how many workers a supervisor with nofile fds can have, most at
// most. It holds a pidfd and a door for each, and while all are being started the
// door's other end.
func supervised(nofile uint64, most int) int {
	return max(1, int(min(int64(most), (int64(nofile)-otherFDs)/3)))
}

// Parked is how many connections a supervisor with nofile fds and so many workers
// can keep for a worker that is being started.
func Parked(nofile uint64, workers int) int {
	return max(0, int(min(int64(nofile), 1<<20))-otherFDs-3*workers)
}

// Size is how a server is divided into processes.
type Size struct {
	Workers int   // 1: no supervisor, one plain process
	Loops   int   // event loops of each
	Limit   int64 // connections of each, below what its fd table holds
}

// Fit decides on the number of worker processes: as few as the fd limit allows
// for conns connections, or exactly workers if that is not 0. nofile is the
// soft RLIMIT_NOFILE of one process; each event loop has listeners of its own
// for every port. SO_REUSEPORT deals connections out by hash, so a worker gets
// its mean share with a deviation of its square root: five of those are added.
func Fit(conns int64, nofile uint64, ports, cores, workers int) (Size, error) {
	if most := supervised(nofile, MaxWorkers); workers > most {
		return Size{}, fmt.Errorf("%d workers: a supervisor of %d file descriptors can have %d; raise the fd limit (ulimit -Hn)", workers, nofile, most)
	}
	if workers > 0 {
		s := sizeFor(workers, nofile, ports, cores)
		if s.Limit < 1 {
			return s, fmt.Errorf("%d ports × %d event loops leave no file descriptor of %d for connections; raise the fd limit or listen on fewer ports", ports, s.Loops, nofile)
		}
		return s, nil
	}
	if sizeFor(cores, nofile, ports, cores).Limit < 1 {
		return Size{}, fmt.Errorf("%d ports leave no file descriptor of %d for connections; raise the fd limit (ulimit -Hn) or listen on fewer ports", ports, nofile)
	}
	most := supervised(nofile, MaxWorkers)
	for n := 1; n <= most; n++ {
		if s := sizeFor(n, nofile, ports, cores); conns <= s.holds() {
			return s, nil
		}
	}
	return Size{}, fmt.Errorf("%d connections do not fit into %d workers of %d file descriptors with %d ports; raise the fd limit (ulimit -Hn) or ask for fewer with --max-conns", conns, most, nofile, ports)
}

// FitTables is Fit for an engine whose event loops take fd tables of their own
// where one does not hold all: a process holds any number of connections. It has
// loops event loops that accept, or one for each of its cores if that is 0, as
// long as their listeners leave half a table free.
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

// Most is how many connections so many workers hold, by Fit's rule, or as many
// workers as their supervisor can have.
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
