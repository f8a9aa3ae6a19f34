package result

import "time"

// Idle says for how long the connections that the other end closed had been
// silent by then: the narrowest span that holds nine of ten, nanoseconds; and over
// which time they were lost.
type Idle struct {
	Count   int64   `json:"count"`
	From    int64   `json:"from_ns"`
	To      int64   `json:"to_ns"`
	Seconds float64 `json:"over_seconds"` // from the first loss to the last
}

const (
	// leastIdle is a silence that no server takes for idleness yet: what is closed
	// before is refused, by a limit.
	leastIdle = 300 * time.Millisecond
	// fewestIdle connections make an age that is no accident.
	fewestIdle = 3
	// sweep is how much later than the timeout a server may notice, which looks at
	// its connections now and then; a share of the age.
	sweep = 0.5
)

// Timeout is the idle timeout that the losses show, of established connections:
// one age for nearly all, at many moments or with nobody left. It is the lower end
// of that age. All at one age and
// one moment may as well be the end of the server, which the caller rules out.
func (i *Idle) Timeout(established int64) (after time.Duration, moment, ok bool) {
	if i == nil || i.Count < fewestIdle || i.From < int64(leastIdle) {
		return 0, false, false
	}
	width := i.To - i.From
	if float64(width) > max(sweep*float64(i.From), float64(250*time.Millisecond)) {
		return 0, false, false
	}
	over := i.Seconds * float64(time.Second)
	spread := over >= float64(500*time.Millisecond) && over >= 3*float64(width)
	if !spread && i.Count < established*9/10 {
		return 0, false, false
	}
	return time.Duration(i.From), !spread, true
}
