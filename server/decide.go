package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/footprint"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/shard"
	"github.com/c10m/c10m/internal/sys"
)

// pairBytes is what a connection takes with both ends on one machine, RESULTS.md:
// --max-conns auto is for as many as this machine's memory would hold so.
const pairBytes = 8700

// decide turns every "auto" into a number.
func (s *server) decide() (err error) {
	s.conns = s.maxConns.N
	if s.maxConns.Auto {
		s.conns = int64(float64(sys.TotalMemory()) * 0.95 / pairBytes)
	}
	cores := runtime.NumCPU()
	want := uint64(s.conns + shard.Overhead(len(s.ports()), cores))
	if s.nofile, err = sys.RaiseNofile(min(want, sys.NrOpen())); err != nil {
		return err
	}
	s.size, err = shard.Fit(s.conns, s.nofile.Soft, len(s.ports()), cores, int(s.workers.N))
	if err != nil {
		return fmt.Errorf("%w: --max-conns %d: %v", errUsage, s.conns, err)
	}
	if s.size.Workers > shard.MaxWorkers {
		return fmt.Errorf("%w: --workers %d: the legal range is 1..%d or auto", errUsage, s.size.Workers, shard.MaxWorkers)
	}
	// Fewer workers than needed were asked for: promise what they can hold.
	if room := s.size.Limit * int64(s.size.Workers); s.conns > room {
		if !s.maxConns.Auto {
			s.logf("--max-conns %d: %d workers hold at most %d with %d file descriptors each", s.conns, s.size.Workers, room, s.nofile.Soft)
		}
		s.conns = room
	}
	return nil
}

// readyAlone waits for the only engine.
func (s *server) readyAlone(ctx context.Context) {
	for ctx.Err() == nil {
		if echo.State(s.page.Slots[0].State.Load()) == echo.Ready {
			s.ready()
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// watchRoom keeps the engines from using up the machine's files and memory. Who
// has CAP_SYS_ADMIN is not bound by fs.file-max.
func (s *server) watchRoom(ctx context.Context) error {
	fp, err := footprint.Here()
	if err != nil {
		return err
	}
	room := &shard.Room{Page: s.page, Memory: fp.Mem, ConnBytes: pairBytes, Logf: s.logf}
	// In a container without it fs.file-nr is not to be known.
	if open, limit, err := fp.Files(); err == nil && !sys.Capable(sys.CapSysAdmin) {
		room.Files = fp.Files
		if left := limit - open - shard.FileReserve(limit); s.conns > left {
			s.logf("warning: fs.file-max %s leaves room for %s connections of %s; the others will be refused; cure: sysctl -w fs.file-max=%d",
				plan.Group(limit), plan.Group(max(0, left)), plan.Group(s.conns), open+s.conns*5/4)
		}
	}
	go room.Watch(ctx)
	return nil
}
