package shard

import (
	"math"
	"slices"
)

// order lists the workers as their sockets stand in the SO_REUSEPORT group of each
// port: the kernel appends a new listening socket, and moves the last one into the
// place of one that ends (reuseport_detach_sock in net/core/sock_reuseport.c). Once two
// workers have come or gone at the same time the order is unknown, because it may then
// differ from port to port.
type order struct {
	workers []int
	unknown bool
}

// join appends a worker. One that is there already has opened its sockets again,
// at a time that is not known.
func (o *order) join(worker int) {
	if slices.Contains(o.workers, worker) {
		o.unknown = true
		return
	}
	o.workers = append(o.workers, worker)
}

// last is the worker whose sockets are the last; -1 without any.
func (o *order) last() int {
	if len(o.workers) == 0 {
		return -1
	}
	return o.workers[len(o.workers)-1]
}

// leave removes a worker, if it is there.
func (o *order) leave(worker int) {
	i := slices.Index(o.workers, worker)
	if i < 0 {
		return
	}
	last := len(o.workers) - 1
	o.workers[i] = o.workers[last]
	o.workers = o.workers[:last]
}

// never is the room of a worker that shall get no connections.
const never = math.MinInt64

// weigh turns the room that each worker has, in connections, into its share of new
// ones, 0 to 4. A worker with at least half as much room as the roomiest gets the same
// share, so that shares do not change all the time while workers are about as full;
// one with less than an eighth gets none. If no worker has room all get the same, but
// for those whose room is never.
func weigh(room []int64) []uint32 {
	weights := make([]uint32, len(room))
	most := slices.Max(append(room, 0))
	divisor := uint32(0)
	for i, r := range room {
		switch {
		case most <= 0 || r < most/8 || r <= 0:
		case r < most/4:
			weights[i] = 1
		case r < most/2:
			weights[i] = 2
		default:
			weights[i] = 4
		}
		divisor = gcd(weights[i], divisor)
	}
	for i := range weights {
		switch {
		case divisor > 0:
			weights[i] /= divisor
		case room[i] != never:
			weights[i] = 1
		}
	}
	return weights
}

func gcd(a, b uint32) uint32 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
