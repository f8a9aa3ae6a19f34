// Package shard runs the server as several worker processes where one fd table is
// too small, and names its engines (Engine, Engines). It starts as many workers as
// are needed, restarts those that die, recycles those that have echoed their number
// of messages, drains them at the end, and adds up what they counted.
//
//	page, err := shard.NewPage(n)
//	s := &shard.Supervisor{Page: page, First: 2, Most: n, Command: worker, Logf: logf}
//	err = s.Run(ctx, ready)
//
// The workers' counters lie in one page of shared memory (memfd_create(2)), so that
// reading them costs a worker nothing and a dead worker's last counts remain. A
// worker inherits three fds: that page, a pipe whose end tells it that the
// supervisor has died, and a socket (Socket) over which connections and orders come;
// with TLS a fourth, memory with the certificate's key.
//
// Size decides beforehand how many workers a number of connections takes; Room
// bounds, while the server runs, how many more there is memory and fds for.
package shard
