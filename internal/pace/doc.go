// Package pace says how much should have been started by now, at a constant
// rate, and when each of many members sends in an interval. It is pure: the caller
// brings the clock.
//
//	p := pace.Constant{PerSecond: 50_000}
//	for sent < p.Due(time.Since(start)) {
//		send()
//		sent++
//	}
package pace
