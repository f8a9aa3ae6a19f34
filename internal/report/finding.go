package report

import (
	"strings"

	"github.com/c10m/c10m/internal/result"
)

// finding is what a report says of a finding, as sentence reads it.
type finding struct {
	name     string   // in a few words
	evidence []string // what was seen: of these, those that have all of their facts
	meaning  string
	cure     string // what helps
	// waits is what a server waits for that is slow for this while processors idle.
	waits string
}

// droppedPeers begins the codes of connections that the server ended or refused; their
// words are in refusals.
const droppedPeers = "peers_dropped_"

// findingOf are the words for a code.
func findingOf(code string) (f finding, known bool) {
	if cause, dropped := strings.CutPrefix(code, droppedPeers); dropped {
		f = refusals[cause].finding
		f.name = "peers dropped: " + cause
		return f, len(f.evidence) > 0
	}
	f, known = findings[code]
	return f, known
}

// nameOf is a finding in a few words; of a code that is not known, as in a file of a
// later version, the code.
func nameOf(code string) string {
	if f, known := findingOf(code); known {
		return f.name
	}
	return code
}

// idleYetLate begins the meaning of what blocks a server whose processors idle.
const idleYetLate = "All processors are below 100 % (the busiest: {~busiest_share}) and yet latency grew, p99 " +
	"{p99_first_ns} to {p99_last_ns}: blocked "

// Finding is one in words. Of a code that is not known the evidence is its facts, and
// there is neither meaning nor cure.
func Finding(f result.Finding) result.Told {
	if told, stored := f.Stored(); stored {
		return told
	}
	words, known := findingOf(f.Code)
	if !known {
		return result.Told{Name: f.Code, Evidence: strings.Join(unworded(f.Facts), ", ")}
	}
	var seen []string
	for _, part := range words.evidence {
		if said, whole := sentence(part, f.Facts); whole && said != "" {
			seen = append(seen, said)
		}
	}
	meaning, _ := sentence(words.meaning, f.Facts)
	cure, _ := sentence(words.cure, f.Facts)
	if why, late := sentence(idleYetLate, f.Facts); late && words.waits != "" {
		meaning = why + words.waits + ". " + meaning
	}
	return result.Told{Name: words.name, Evidence: strings.Join(seen, "; "), Meaning: meaning, Cure: cure}
}

// told is a finding in words, and how much it matters.
type told struct {
	result.Told
	severity int
}

// matters says in a word how much a finding matters, and the class of that word.
func (t told) matters() (word, class string) {
	switch {
	case t.severity >= result.Limits:
		return "limits", "bad"
	case t.severity >= result.Strains:
		return "strains", "doubt"
	}
	return "remark", ""
}

// because is what was seen, what it means and what helps.
func (t told) because() string {
	said := t.Evidence
	if said != "" {
		said += "."
	}
	if t.Meaning != "" {
		said += " " + t.Meaning
	}
	if t.Cure != "" {
		said += " Cure: " + t.Cure
	}
	return strings.TrimSpace(said)
}

// findingsOf is what limits, severest first, with the agents that found it.
func findingsOf(r *result.Result) (all []told) {
	for _, f := range r.Findings {
		one := told{Finding(f), f.Severity}
		one.Evidence = ofAgents(f.On, f.Differ, r) + one.Evidence
		all = append(all, one)
	}
	return all
}
