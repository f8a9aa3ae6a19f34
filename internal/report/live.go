package report

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Progress is where a run stands.
type Progress struct {
	Phase       string
	Elapsed     time.Duration
	Established int64
	Target      int64
	Failed      int64
	Lost        int64
	Received    int64   // echoes
	Rate        float64 // connections per second now; 0: not ramping
	MemoryLeft  uint64  // bytes
}

// Line writes progress on one line of at most width columns.
func (p Progress) Line(width int) string {
	parts := []string{fmt.Sprintf("%s %.0fs", p.Phase, p.Elapsed.Seconds()),
		fmt.Sprintf("%s/%s established", Count(p.Established), Count(p.Target))}
	if p.Rate > 0 {
		parts = append(parts, rate(p.Rate))
	}
	if p.Failed > 0 {
		parts = append(parts, Count(p.Failed)+" failed")
	}
	if p.Lost > 0 {
		parts = append(parts, Count(p.Lost)+" lost")
	}
	if p.Received > 0 {
		parts = append(parts, Count(p.Received)+" echoes")
	}
	if p.MemoryLeft > 0 {
		parts = append(parts, Bytes(float64(p.MemoryLeft))+" left")
	}
	if left := p.Target - p.Established - p.Failed; p.Rate > 0 && left > 0 {
		parts = append(parts, fmt.Sprintf("ETA %.0fs", float64(left)/p.Rate))
	}
	line := []rune(strings.Join(parts, "  "))
	return string(line[:min(len(line), width)])
}

// Live shows progress: on a terminal one line that is rewritten, elsewhere one
// plain line every Every.
type Live struct {
	w        io.Writer
	terminal bool
	width    int
	every    time.Duration
	next     time.Duration
	last     Progress
	shown    int // columns of the line that stands there now
}

// NewLive shows on w. Off a terminal it writes a line every five seconds.
func NewLive(w io.Writer, terminal bool, width int) *Live {
	return &Live{w: w, terminal: terminal, width: width, every: 5 * time.Second}
}

// Show takes note of progress. It works out the rate from call to call.
func (l *Live) Show(p Progress) {
	if dt := (p.Elapsed - l.last.Elapsed).Seconds(); dt > 0 && p.Phase == "ramp" {
		now := float64(p.Established-l.last.Established) / dt
		if l.last.Rate > 0 {
			now = 0.7*l.last.Rate + 0.3*now // steadier for the eye and the ETA
		}
		p.Rate = now
	}
	l.last = p
	if l.terminal {
		line := p.Line(l.width - 1)
		pad := max(0, l.shown-len([]rune(line)))
		l.shown = len([]rune(line))
		_, _ = fmt.Fprintf(l.w, "\r%s%s", line, strings.Repeat(" ", pad))
		return
	}
	if p.Elapsed >= l.next {
		l.next = p.Elapsed + l.every
		_, _ = fmt.Fprintln(l.w, p.Line(1000))
	}
}

// Done clears the line, so that the report starts on a clean one.
func (l *Live) Done() {
	if l.terminal && l.shown > 0 {
		_, _ = fmt.Fprintf(l.w, "\r%s\r", strings.Repeat(" ", l.shown))
		l.shown = 0
	}
}
