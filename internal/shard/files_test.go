package shard

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/echo"
)

func TestWatchFiles(t *testing.T) {
	tests := []struct {
		name        string
		open, limit int64
		err         error
		each        int64 // of two engines
	}{
		{"plenty", 0, 2_000_000, nil, (2_000_000 - 50_000) / 2},
		{"some", 500, 1000, nil, 225},
		{"only the reserve", 950, 1000, nil, 0},
		{"less than that", 999, 1000, nil, 0},
		{"more than there may be", 1500, 1000, nil, 0},
		{"not known", 0, 1000, errors.New("gone"), 0},
		{"room again", 0, 1000, nil, 475},
	}
	slots := []*echo.Counters{new(echo.Counters), new(echo.Counters)}
	var at atomic.Int64
	looks := make(chan int64)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		WatchFiles(ctx, slots, func() (int64, int64, error) {
			looks <- at.Load()
			tt := tests[at.Load()]
			return tt.open, tt.limit, tt.err
		})
	}()
	for i, tt := range tests {
		at.Store(int64(i))
		for <-looks != int64(i) {
		}
		// The next look begins when this one has been dealt out.
		select {
		case <-looks:
		case <-time.After(time.Minute):
			t.Fatal("no further look")
		}
		for k, slot := range slots {
			if slot.FilesBound.Load() != 1 || slot.FilesLeft.Load() != tt.each {
				t.Errorf("%s: engine %d may take %d, want %d", tt.name, k, slot.FilesLeft.Load(), tt.each)
			}
		}
	}
	cancel()
	go func() {
		for range looks {
		}
	}()
	<-ended
	close(looks)
}
