package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/plan"
)

// Wire is the version of the messages. An agent of another is refused by name.
const Wire = 2

// service is the name under which agents are discovered (NATS micro, $SRV.INFO).
const service = "c10m-agent"

// The bounds of what is read from others.
const (
	// maxMessage is above a part of a result in base64, and the default of NATS
	// servers (max_payload) is 1 MiB.
	maxMessage = 1 << 20
	// partSize is how much of a result goes in one message.
	partSize = 512 << 10
	// maxResult bounds a result. One of 100 threads with full histograms is 2 MB.
	maxResult = 256 << 20
	// MaxFiles bounds what agents are given of files, all together, and mostFiles how
	// many there are.
	MaxFiles  = 64 << 20
	mostFiles = 16
	maxArgs   = 4096
	maxName   = 64
	maxText   = 4096
	maxLimits = 100
)

// How often, and how long, in each direction.
const (
	beatEvery = 250 * time.Millisecond  // the coordinator's beat, an agent's state
	lostAfter = 2750 * time.Millisecond // of silence of an agent: it is known within 3 s
	// Without a beat: an existing cluster may restart within it, and all is closed
	// within 10 s.
	orphanAfter = 9500 * time.Millisecond
	askTime     = 2 * time.Second        // for an answer that needs no work
	partTime    = 10 * time.Second       // for a part of a file, 0.7 MB on the wire
	goAhead     = 200 * time.Millisecond // between saying when a gate opens and then
)

// The subjects. ID is the instance id that NATS micro gives each agent, so that
// cloned hostnames do no harm; RUN is made anew for each run.
func agentSubject(id, what string) string { return "c10m.agent." + id + "." + what }
func stateSubject(run, id string) string  { return "c10m.run." + run + ".state." + id }
func beatSubject(run string) string       { return "c10m.run." + run + ".beat" }

// isToken says whether s can stand between the dots of a subject.
func isToken(s string) bool {
	const legal = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
	return s != "" && len(s) <= maxName && strings.Trim(s, legal) == ""
}

// claim reserves an agent for a run.
type claim struct {
	Run  string `json:"run"`
	Lead string `json:"lead"` // who, for people
	Wire int    `json:"wire"`
}

// order is what a coordinator asks of an agent that it has claimed.
type order struct {
	Run  string   `json:"run"`
	Args []string `json:"args,omitempty"` // look, prepare: a command line of the client, without its name
	// Sums are the files that Args name: the SHA-256 of each, in hex.
	Sums map[string]string `json:"sums,omitempty"`
	File string            `json:"file,omitempty"` // file: its name
	Size int64             `json:"size,omitempty"` // file: all of it
	Part []byte            `json:"part,omitempty"` // file: from From
	Gate string            `json:"gate,omitempty"` // go
	At   int64             `json:"at,omitempty"`   // go: when, in nanoseconds of the agent's own clock
	From int64             `json:"from,omitempty"` // result: the first byte wanted; file: of Part
	Why  string            `json:"why,omitempty"`  // stop, refuse
}

// answer is what an agent says to any of them.
type answer struct {
	Now   int64  `json:"now,omitempty"`   // clock
	Busy  string `json:"busy,omitempty"`  // claimed by another: by whom
	Error string `json:"error,omitempty"` // why not
	Usage bool   `json:"usage,omitempty"` // the error is of what was asked: exit status 2
	// Limits are what bounds a run on the agent's machine, tightest first: look.
	Limits []plan.Limit `json:"limits,omitempty"`
	Size   int64        `json:"size,omitempty"` // result: all of it; file: what is there of it
	Part   []byte       `json:"part,omitempty"` // result: from From
}

// State is where an agent stands, sent 4 times a second and when it changes: all of
// it each time, so that a lost one costs nothing.
type State struct {
	Run    string          `json:"run"`
	Seq    uint64          `json:"seq"`
	Phase  string          `json:"phase,omitempty"`
	Gate   string          `json:"gate,omitempty"`   // it stands at this gate
	Done   int64           `json:"done,omitempty"`   // grows while there is progress
	Plan   json.RawMessage `json:"plan,omitempty"`   // what was decided, once it is prepared
	Sample json.RawMessage `json:"sample,omitempty"` // of the run, cumulative
	Ended  bool            `json:"ended,omitempty"`
	Size   int64           `json:"size,omitempty"`  // of the result, once ended
	Sum    string          `json:"sum,omitempty"`   // SHA-256 of it, in hex
	Error  string          `json:"error,omitempty"` // why there is no result, or none to rely on
	Usage  bool            `json:"usage,omitempty"`
}

// about is what an agent says of itself where it is discovered: the metadata of
// its service.
type about struct {
	ID, Name, Commit string
	Wire             int
	Boot             string // boot id: two agents of one machine have the same
	Net              uint64 // inode of its network namespace
}

// otherVersion is why an agent and a coordinator cannot work together.
func otherVersion(agent, lead int) string {
	return fmt.Sprintf("it speaks version %d of the fleet's messages, this coordinator %d: use the same build", agent,
		lead)
}

// errForm is the error of a message that is none of ours.
var errForm = errors.New("malformed message")

// decode reads a message, of whatever origin.
func decode[T any](data []byte) (m T, err error) {
	if len(data) > maxMessage {
		return m, fmt.Errorf("%w: %d bytes, at most %d are legal", errForm, len(data), maxMessage)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("%w: %v", errForm, err)
	}
	return m, nil
}

func decodeClaim(data []byte) (c claim, err error) {
	if c, err = decode[claim](data); err != nil {
		return c, err
	}
	if !isToken(c.Run) {
		return c, fmt.Errorf("%w: run %.64q", errForm, c.Run)
	}
	c.Lead = clean(c.Lead, maxName)
	return c, nil
}

func decodeOrder(data []byte) (o order, err error) {
	if o, err = decode[order](data); err != nil {
		return o, err
	}
	switch {
	case o.Run != "" && !isToken(o.Run):
		return o, fmt.Errorf("%w: run %.64q", errForm, o.Run)
	case len(o.Args) > maxArgs:
		return o, fmt.Errorf("%w: %d arguments, at most %d are legal", errForm, len(o.Args), maxArgs)
	case o.From < 0:
		return o, fmt.Errorf("%w: from byte %d", errForm, o.From)
	case o.Size < 0 || o.Size > MaxFiles || len(o.Part) > partSize:
		return o, fmt.Errorf("%w: a file of %d bytes, a part of %d", errForm, o.Size, len(o.Part))
	case o.File != "" && !isToken(o.File), len(o.Sums) > mostFiles:
		return o, fmt.Errorf("%w: file %.64q, %d files", errForm, o.File, len(o.Sums))
	}
	o.Why, o.Gate = clean(o.Why, maxText), clean(o.Gate, maxName)
	return o, nil
}

func decodeAnswer(data []byte) (a answer, err error) {
	if a, err = decode[answer](data); err != nil {
		return a, err
	}
	if a.Size < 0 || a.Size > maxResult || len(a.Part) > partSize {
		return a, fmt.Errorf("%w: a result of %d bytes, a part of %d", errForm, a.Size, len(a.Part))
	}
	if len(a.Limits) > maxLimits {
		return a, fmt.Errorf("%w: %d limits", errForm, len(a.Limits))
	}
	for i := range a.Limits {
		l := &a.Limits[i]
		if l.Max < 0 {
			return a, fmt.Errorf("%w: room for %d", errForm, l.Max)
		}
		l.Name, l.Why, l.Cure = clean(l.Name, maxName), clean(l.Why, maxText), clean(l.Cure, maxText)
	}
	a.Error, a.Busy = clean(a.Error, maxText), clean(a.Busy, maxText)
	return a, nil
}

func decodeState(data []byte) (s State, err error) {
	if s, err = decode[State](data); err != nil {
		return s, err
	}
	if s.Size < 0 || s.Size > maxResult || s.Done < 0 || len(s.Sum) > 64 {
		return s, fmt.Errorf("%w: a result of %d bytes", errForm, s.Size)
	}
	s.Phase, s.Gate, s.Error = clean(s.Phase, maxName), clean(s.Gate, maxName), clean(s.Error, maxText)
	return s, nil
}

// clean is a text of others as one line of at most n bytes.
func clean(s string, n int) string {
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return plan.OneLine(s)
}
