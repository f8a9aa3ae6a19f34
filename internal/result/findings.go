package result

// Finding is one thing that limits a run, or soon would.
type Finding struct {
	Name string `json:"name"`
	// Severity orders findings, 0..100: Limits and above is what the run fell
	// short for, Strains and above what will be next, below that a remark.
	Severity int    `json:"severity"`
	Evidence string `json:"evidence"` // what was seen
	Meaning  string `json:"meaning"`
	Cure     string `json:"cure"`
	// On names the agents of a fleet that found it; the evidence is of the first one
	// that found it so severe.
	On []string `json:"on,omitempty"`
}

// The marks of Finding.Severity.
const (
	Limits  = 80
	Strains = 50
)
