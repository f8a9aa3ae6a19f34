package report

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Live shows progress: where lines can be rewritten (Rewrites) one line that
// always is, elsewhere one plain line every Every. The clock is
// Progress.Elapsed. It may be used from several goroutines.
type Live struct {
	Every time.Duration // between plain lines; may be set before the first Show

	w        io.Writer
	rewrites bool
	width    int

	mu    sync.Mutex
	next  time.Duration
	last  Progress
	shown bool // a line stands there now
	ended bool
}

// NewLive shows on w, on a terminal of width columns if it rewrites, and else a
// line every five seconds.
func NewLive(w io.Writer, rewrites bool, width int) *Live {
	return &Live{w: w, rewrites: rewrites, width: width, Every: 5 * time.Second}
}

const (
	firstColumn = "\r"
	// clearTail erases from the cursor to the end of the line: EL, ECMA-48
	// section 8.3.41.
	clearTail = "\x1b[K"
	// plainWidth bounds a line that is not rewritten: a log has no columns.
	plainWidth = 1000
)

// Show updates the line. It computes the rate from call to call, and the ETA from
// that, unless the caller gives them.
func (l *Live) Show(p Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	p = estimate(l.last, p)
	l.last = p
	if l.rewrites {
		// One column less: in the last one, some terminals wrap.
		_, _ = fmt.Fprint(l.w, firstColumn, FormatProgress(p, max(1, l.width-1)), clearTail)
		l.shown = true
		return
	}
	if p.Elapsed >= l.next {
		l.next = p.Elapsed + l.Every
		_, _ = fmt.Fprintln(l.w, FormatProgress(p, plainWidth))
	}
}

// estimate fills in the rate of pushes, and the rate and the ETA of a ramp.
func estimate(last, p Progress) Progress {
	if dt := (p.Elapsed - last.Elapsed).Seconds(); p.PushRate == 0 && dt > 0 && last.Elapsed > 0 {
		p.PushRate = max(0, float64(p.Pushed-last.Pushed)/dt)
		if last.PushRate > 0 {
			p.PushRate = 0.7*last.PushRate + 0.3*p.PushRate
		}
	}
	if p.Phase != "ramp" {
		return p
	}
	dt := (p.Elapsed - last.Elapsed).Seconds()
	switch {
	case p.RateNow > 0:
	case dt <= 0:
		p.RateNow = last.RateNow
	default:
		p.RateNow = max(0, float64(p.Established-last.Established)/dt)
		if last.RateNow > 0 {
			p.RateNow = 0.7*last.RateNow + 0.3*p.RateNow // steadier for the eye and the ETA
		}
	}
	if left := p.Target - p.Established - p.Failed; p.ETA == 0 && p.RateNow > 0 && left > 0 {
		p.ETA = time.Duration(min(float64(left)/p.RateNow, maxETA.Seconds()) * float64(time.Second))
	}
	return p
}

// maxETA bounds a guess: a ramp that has nearly stopped.
const maxETA = 100 * time.Hour

// Done clears the line, so that what follows starts on a clean one. Nothing is
// shown afterwards.
func (l *Live) Done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shown {
		_, _ = fmt.Fprint(l.w, firstColumn, clearTail)
	}
	l.shown, l.ended = false, true
}
