package loadgen

import (
	"context"
	"io"
	"math"
	"net"
	"testing"
	"time"
)

// Rows follow each other without a gap, and none is wider than an eighth.
func TestAgeRows(t *testing.T) {
	last := -1
	for ms := uint64(0); ms < math.MaxUint32; ms += 1 + ms/64 {
		row := ageRow(uint32(ms))
		if row != last && row != last+1 {
			t.Fatalf("%d ms is in row %d, what is just below in row %d", ms, row, last)
		}
		last = row
	}
	if got := ageRow(math.MaxUint32); got != ageRows-1 {
		t.Errorf("the last row is %d, want %d", got, ageRows-1)
	}
}

func TestAgesCommon(t *testing.T) {
	for _, tt := range []struct {
		name     string
		ages     []uint32
		unknown  int64
		from, to time.Duration
		ok       bool
	}{
		{"none", nil, 0, 0, 0, false},
		{"one", []uint32{2000}, 0, 2 * time.Second, 2 * time.Second, true},
		{"an idle timeout, and one that is not of it", []uint32{
			60_001, 60_040, 12, 60_500, 60_002, 60_010, 60_020, 60_030, 60_100, 60_150,
		}, 0, 60001 * time.Millisecond, 60500 * time.Millisecond, true},
		{"over a row's edge", []uint32{1023, 1024, 1025}, 0, 1023 * time.Millisecond, 1025 * time.Millisecond, true},
		{"all at once, of all ages", []uint32{10, 100, 1000, 10_000}, 0, 10 * time.Millisecond, 10 * time.Second, true},
		{"unknown", []uint32{10}, 1, 0, 0, false},
	} {
		var half, a Ages
		for i, ms := range tt.ages {
			if i%2 == 0 {
				a.put(ms)
			} else {
				half.put(ms)
			}
		}
		a.Unknown = tt.unknown
		a.add(&half)
		from, to, ok := a.Common(0.9)
		if from != tt.from || to != tt.to || ok != tt.ok || a.Count() != int64(len(tt.ages))+tt.unknown {
			t.Errorf("%s: %v..%v, %v, %d in all; want %v..%v, %v", tt.name, from, to, ok, a.Count(), tt.from, tt.to, tt.ok)
		}
	}
}

// The clock of a connection goes around in 71 minutes: what is over the wrap is
// right, what is older than the clock is not known.
func TestAgesClock(t *testing.T) {
	var a Ages
	a.lost(3_000_000, 1_000_000)
	a.lost(1<<32-1, 1<<32-5_000_001)
	a.lost(1<<32, 0)
	if a.rows[ageRow(2000)] != 1 || a.rows[ageRow(5000)] != 1 || a.Unknown != 1 || a.Count() != 3 {
		t.Errorf("%+v", a)
	}
}

// A server that drops who is silent for half a second: all are lost at that age,
// whether they have sent a message before or not; those that we closed have none.
func TestLostAges(t *testing.T) {
	const idle = 500 * time.Millisecond
	port := listen(t, func(c net.Conn) {
		for b := make([]byte, 64); ; {
			_ = c.SetReadDeadline(time.Now().Add(idle))
			if _, err := io.ReadFull(c, b); err != nil {
				return
			}
			_, _ = c.Write(b)
		}
	})
	e, err := Start(testPlan(port, 40, 2), 64)
	if err != nil {
		t.Fatal(err)
	}
	e.Ramp(context.Background())
	e.Exchange(context.Background(), Exchange{Size: 64, PerConn: 1, Sample: 20, Drain: time.Minute})
	for end := time.Now().Add(time.Minute); e.Counts().Open() > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	got, err := e.Stop()
	if from, _, ok := got.LostAges.Common(0.9); err != nil || !ok || from < idle*9/10 || got.LostAges.Count() != 40 {
		t.Errorf("%v, %v: %v lost of %v", from, ok, got.LostAges.Count(), got.Counts)
	}
	if got := run(t, testPlan(echoServer(t), 5, 1), 64, 1); got.LostAges.Count() != 0 {
		t.Errorf("%d ages of connections that nobody lost", got.LostAges.Count())
	}
}
