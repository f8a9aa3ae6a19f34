package loadgen

import "time"

// clock is a thread's time, in microseconds since its epoch. It is monotonic.
type clock struct{ epoch time.Time }

func newClock() clock { return clock{time.Now()} }

func (c *clock) now() uint64 { return uint64(time.Since(c.epoch) / time.Microsecond) }

// micros is the clock as connections keep it: modulo 2^32, which is 71 minutes.
// Only the difference of two that lie closer together means anything.
func (c *clock) micros() uint32 { return uint32(c.now()) }

// micros is a duration as the clock counts it.
func micros(d time.Duration) uint32 { return uint32(d / time.Microsecond) }
