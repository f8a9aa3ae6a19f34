package shard

import (
	"context"
	"time"

	"github.com/c10m/c10m/internal/echo"
)

// accept4(2) fails with ENFILE when the whole machine is out of files
// (fs.file-max), and gnet ends its engine over it, with every connection. So the
// engines may accept only what is left, less a reserve for everybody else: the
// watcher deals it out and looks again before long.

// filesEvery is how often the watcher looks.
const filesEvery = 50 * time.Millisecond

// FileReserve is what the server leaves of limit files to the rest of the
// machine, and for what others open between two looks.
func FileReserve(limit int64) int64 { return min(limit/20, 50_000) }

// WatchFiles deals out what is left of the machine's files until ctx ends. files
// is fs.file-nr: how many are open, and how many there may be. Where that cannot
// be read, what was dealt out last is taken back: nobody is let in blindly.
func WatchFiles(ctx context.Context, slots []*echo.Counters, files func() (open, limit int64, err error)) {
	tick := time.NewTicker(filesEvery)
	defer tick.Stop()
	for {
		share := int64(0)
		if open, limit, err := files(); err == nil {
			share = max(0, limit-open-FileReserve(limit)) / int64(len(slots))
		}
		for _, slot := range slots {
			slot.FilesLeft.Store(share)
			slot.FilesBound.Store(1)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
