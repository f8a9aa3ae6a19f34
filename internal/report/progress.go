package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/unit"
)

// Progress is where a run stands. What is 0 and optional is not shown.
type Progress struct {
	Phase       string // start, ramp, settle, hold, down, verify, close
	Stage       int    // of Stages, from 1; 0: between them
	Stages      int    // 0: the run has none, and Established may have been lost since
	Elapsed     time.Duration
	Established int64
	Target      int64
	RateNow     float64 // connections per second; optional, Live works it out
	Failed      int64
	Lost        int64         // optional
	Received    int64         // echoes; optional
	Pushed      int64         // messages that came unasked; optional
	PushRate    float64       // of them, per second; optional, Live works it out
	Answers     bool          // Received are answers and no echoes
	MemoryLeft  uint64        // bytes; optional
	ETA         time.Duration // until Target; optional, Live works it out
}

// FormatProgress writes progress on one line of at most width columns, 80 if
// that is 0. What does not fit is left out, the least important first, rather
// than cut in the middle.
func FormatProgress(p Progress, width int) string {
	if width <= 0 {
		width = defaultWidth
	}
	parts := progressParts(p)
	for {
		line := joinParts(parts)
		if columns(line) <= width {
			return line
		}
		least := 0
		for i, part := range parts {
			if part.rank > parts[least].rank {
				least = i
			}
		}
		switch {
		case parts[least].short != "": // say it shorter before saying nothing
			parts[least] = progressPart{text: parts[least].short, rank: parts[least].rank}
		case len(parts) == 1:
			return string([]rune(line)[:width])
		default:
			parts = slices.Delete(parts, least, least+1)
		}
	}
}

// progressPart is one figure of the line; the highest rank goes first when
// there is no room.
type progressPart struct {
	text, short string
	rank        int
}

func joinParts(parts []progressPart) string {
	words := make([]string, len(parts))
	for i, p := range parts {
		words[i] = p.text
	}
	return strings.Join(words, "  ")
}

// phases are the words of those whose own are too short.
var phases = map[string]string{"first": "first message"}

func progressParts(p Progress) (parts []progressPart) {
	add := func(rank int, shown bool, text, short string) {
		if shown {
			parts = append(parts, progressPart{text, short, rank})
		}
	}
	phase := cmp.Or(phases[p.Phase], p.Phase)
	add(2, true, strings.TrimSpace(phase+" "+unit.Clock(p.Elapsed)), phase)
	add(3, p.Stage > 0, fmt.Sprintf("stage %d/%d", p.Stage, p.Stages), "")
	of := fmt.Sprintf("%s/%s", unit.Commas(p.Established), unit.Commas(p.Target))
	are := " established"
	switch {
	case p.Stages > 0:
		are = " open"
	case p.Established > p.Target: // they come and go
		of, are = unit.Commas(p.Established), fmt.Sprintf(" established, %s at a time", unit.Commas(p.Target))
	}
	add(1, true, of+are, of)
	add(3, p.RateNow > 0, unit.PerSecond(p.RateNow), "")
	add(4, p.Failed > 0, unit.Commas(p.Failed)+" failed", "")
	add(6, p.Lost > 0, unit.Commas(p.Lost)+" lost", "")
	what := " echoes"
	if p.Answers {
		what = " answers"
	}
	add(8, p.Received > 0, unit.Commas(p.Received)+what, "")
	pushes := unit.Commas(p.Pushed) + " pushes"
	if p.PushRate > 0 {
		pushes += ", " + unit.PerSecond(p.PushRate)
	}
	add(8, p.Pushed > 0, pushes, unit.Commas(p.Pushed)+" pushes")
	add(7, p.MemoryLeft > 0, unit.Bytes(float64(p.MemoryLeft))+" left", "")
	add(5, p.ETA > 0, "ETA "+unit.Clock(p.ETA), "")
	return parts
}
