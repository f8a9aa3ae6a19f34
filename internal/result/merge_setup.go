package result

import (
	"math"
	"slices"
	"time"
)

// maxPoints bounds a merged curve: with more, every second point goes.
const maxPoints = 2000

// mergeSetups lays the ramps side by side, by when each began.
func mergeSetups(parts []*Result) (s *Setup, err error) {
	var curves [][]Point
	first, known := firstRamp(parts)
	var established int64
	for _, p := range parts {
		if p.Setup == nil {
			continue
		}
		if s == nil {
			s = &Setup{}
		}
		late := 0.0
		if known {
			late = rampBegan(p).Sub(first).Seconds()
		}
		if !p.Setup.Began.IsZero() {
			s.Began = first
		}
		established += p.rampedTo()
		s.Seconds = max(s.Seconds, late+p.Setup.Seconds)
		if p.Setup.ClientSeconds > 0 {
			s.ClientSeconds = max(s.ClientSeconds, late+p.Setup.ClientSeconds)
		}
		if s.Latency, err = mergeLatency(s.Latency, p.Setup.Latency); err != nil {
			return nil, err
		}
		if s.Handshake, err = mergeLatency(s.Handshake, p.Setup.Handshake); err != nil {
			return nil, err
		}
		curves = append(curves, shift(p.Setup.Curve, late))
	}
	if s == nil {
		return nil, nil
	}
	if s.Seconds > 0 {
		s.Rate = float64(established) / s.Seconds
	}
	s.Latency, s.Handshake = own(s.Latency), own(s.Handshake)
	s.Curve = mergeCurves(curves)
	return s, nil
}

// rampedTo is how many connections the time of a setup is for: with stages those up
// to the first peak.
func (r *Result) rampedTo() int64 {
	if len(r.Stages) == 0 {
		return r.Conns.Established
	}
	return int64(math.Round(r.Setup.Rate * r.Setup.Seconds))
}

// mergeCourses lays the courses of parts with stages side by side, by when their
// ramps began.
func mergeCourses(parts []*Result) []Point {
	var curves [][]Point
	first, known := firstRamp(parts)
	for _, p := range parts {
		switch {
		case p.Setup == nil || len(p.Course) == 0:
		case known:
			curves = append(curves, shift(p.Course, rampBegan(p).Sub(first).Seconds()))
		default:
			curves = append(curves, p.Course)
		}
	}
	return mergeCurves(curves)
}

// rampBegan is when a part's ramp began. Files from before that was kept have only
// when the part did.
func rampBegan(p *Result) time.Time {
	if p.Setup.Began.IsZero() {
		return p.Started
	}
	return p.Setup.Began
}

// firstRamp is when the first of all ramps began; not known if one's is not.
func firstRamp(parts []*Result) (first time.Time, known bool) {
	for _, p := range parts {
		if p.Setup == nil {
			continue
		}
		began := rampBegan(p)
		if began.IsZero() {
			return first, false
		}
		if !known || began.Before(first) {
			first, known = began, true
		}
	}
	return first, known
}

// own is a copy: of one part only, a merged latency would be that part's.
func own(l *Latency) *Latency {
	if l == nil {
		return nil
	}
	c := *l
	return &c
}

func shift(c []Point, late float64) []Point {
	c = slices.Clone(c)
	for i := range c {
		c[i].T += late
	}
	return c
}

// mergeCurves adds curves at all points in time that any of them has.
func mergeCurves(curves [][]Point) []Point {
	var times []float64
	for _, c := range curves {
		for _, p := range c {
			times = append(times, p.T)
		}
	}
	slices.Sort(times)
	times = slices.Compact(times)
	for len(times) > maxPoints {
		times = thin(times)
	}
	sums := make([]float64, len(times))
	for _, c := range curves {
		addCurve(sums, times, c)
	}
	var merged []Point
	for i, t := range times {
		p := Point{T: t, Conns: int64(math.Round(sums[i]))}
		if i > 0 {
			p.Rate = float64(p.Conns-merged[i-1].Conns) / (t - times[i-1])
		}
		merged = append(merged, p)
	}
	return merged
}

// thin drops every second one, never the first or the last.
func thin(times []float64) []float64 {
	half := times[:0]
	for i, t := range times {
		if i%2 == 0 || i == len(times)-1 {
			half = append(half, t)
		}
	}
	return half
}

// addCurve adds c to the sums at times: 0 before its first point, straight
// between two, and after its last as many as then.
func addCurve(sums, times []float64, c []Point) {
	next := 0 // the first point after t
	for i, t := range times {
		for next < len(c) && c[next].T <= t {
			next++
		}
		if next == 0 {
			continue
		}
		last := c[next-1]
		sums[i] += float64(last.Conns)
		if next < len(c) {
			sums[i] += float64(c[next].Conns-last.Conns) * (t - last.T) / (c[next].T - last.T)
		}
	}
}
