package shard

import "testing"

// FuzzFit: whatever a machine allows, the size that comes out can hold what was
// asked for, or it is an error.
func FuzzFit(f *testing.F) {
	f.Add(int64(10_000_000), uint64(20_000), 400, 64, 0)
	f.Add(int64(1), uint64(1024), 1, 1, 1)
	f.Add(int64(1000), uint64(300), 200, 2, 0)
	f.Add(int64(1)<<50, uint64(1)<<63, 8192, 1024, 4096)
	f.Fuzz(func(t *testing.T, conns int64, nofile uint64, ports, cores, workers int) {
		if conns < 1 || conns > 1<<53 || nofile > 1<<40 || ports < 1 || ports > 8192 || cores < 1 || cores > 8192 ||
			workers < 0 || workers > MaxWorkers {
			return // not to be had from the flags or the kernel
		}
		s, err := Fit(conns, nofile, ports, cores, workers)
		if err != nil {
			return
		}
		used := s.Limit + Overhead(ports, s.Loops)
		if s.Workers < 1 || s.Workers > MaxWorkers || s.Loops < 1 || s.Limit < 1 || s.Loops*s.Workers < cores ||
			used > int64(nofile) || s.Workers > 1 && int64(3*s.Workers) > int64(nofile) {
			t.Errorf("Fit(%d, %d, %d, %d, %d) = %+v: %d fds of %d", conns, nofile, ports, cores, workers, s, used, nofile)
		}
		if workers == 0 && s.Limit*int64(s.Workers) < conns || workers > 0 && s.Workers != workers {
			t.Errorf("Fit(%d, %d, %d, %d, %d) = %+v: not as asked", conns, nofile, ports, cores, workers, s)
		}
	})
}
