package plan

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/c10m/c10m/internal/fill"
)

// Talk is what connections say and what they take for an answer, where that is not
// bytes of a pattern that an echo server sends back. The zero value is that.
type Talk struct {
	Message Payload `json:"message,omitempty"` // absent: bytes of Size
	First   Payload `json:"first,omitempty"`   // sent as soon as a connection is established; absent: nothing
	// Expect is ExpectEcho or absent, ExpectAny, ExpectNone, or what an answer has in it.
	Expect  string `json:"expect,omitempty"`
	Skip    int    `json:"skip,omitempty"`    // messages of the server that come before anything else counts
	Deflate bool   `json:"deflate,omitempty"` // offer permessage-deflate, RFC 7692
}

// Payload is what a message says, with placeholders (package fill). It may be any
// bytes.
type Payload string

func (p Payload) isText() bool { return utf8.ValidString(string(p)) }

// notText is the JSON of a payload that JSON's strings cannot hold.
type notText struct {
	Base64 []byte `json:"base64"`
}

// MarshalJSON keeps every byte.
func (p Payload) MarshalJSON() ([]byte, error) {
	if p.isText() {
		return json.Marshal(string(p))
	}
	return json.Marshal(notText{[]byte(p)})
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (p *Payload) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*p = Payload(text)
		return nil
	}
	var bytes notText
	err := json.Unmarshal(b, &bytes)
	*p = Payload(bytes.Base64)
	return err
}

// What answers a message, where it is not a message with certain words in it.
const (
	ExpectEcho = "echo" // the same bytes
	ExpectAny  = "any"  // the next message, whatever it says
	ExpectNone = "none" // nothing
)

// Bounds of Talk.
const (
	MaxPayload = 1 << 20 // bytes of a message of one's own
	MaxExpect  = 1 << 10 // bytes of the words that an answer has in it
	MaxSkip    = 1000
)

// Echoes says whether the server is expected to send back what it is sent.
func (t *Talk) Echoes() bool { return t.Expect == "" || t.Expect == ExpectEcho }

// Words are what an answer has in it; "" if that does not decide.
func (t *Talk) Words() string {
	switch t.Expect {
	case ExpectEcho, ExpectAny, ExpectNone:
		return ""
	}
	return t.Expect
}

// IsText says whether the payloads that are given are text, as WebSocket text frames
// want it (RFC 6455 section 5.6), and whether any is given.
func (t *Talk) IsText() (text, given bool) {
	return t.Message.isText() && t.First.isText(), t.Message != "" || t.First != ""
}

// Public is t for a report. What is said may be a password: only its size is told.
func (t Talk) Public() Talk {
	for _, said := range []*Payload{&t.Message, &t.First} {
		if *said != "" {
			*said = Payload(said.size())
		}
	}
	return t
}

// size is how long p is as it is sent, in words.
func (p Payload) size() string {
	text, err := fill.Parse(string(p))
	switch {
	case err != nil: // then nothing is sent
		return fmt.Sprintf("%d bytes", len(p))
	case text.Static():
		return fmt.Sprintf("%d bytes", text.Max(nil))
	case text.NeedsLines():
		return fmt.Sprintf("up to %d bytes and a line", text.Max(nil))
	}
	return fmt.Sprintf("up to %d bytes", text.Max(nil))
}
