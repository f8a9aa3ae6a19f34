package plan

import (
	"encoding/json"
	"testing"
)

// A payload goes through JSON with every byte, text as text.
func TestPayload(t *testing.T) {
	for payload, want := range map[Payload]string{"": `""`, `{"a":"é"}`: `"{\"a\":\"é\"}"`,
		"\xff\x00": `{"base64":"/wA="}`} {
		b, err := json.Marshal(payload)
		if err != nil || string(b) != want {
			t.Errorf("%q is %s, %v", payload, b, err)
		}
		var back Payload
		if err := json.Unmarshal(b, &back); err != nil || back != payload {
			t.Errorf("%q comes back as %q, %v", payload, back, err)
		}
	}
	var p Payload
	if err := json.Unmarshal([]byte(`7`), &p); err == nil {
		t.Errorf("a number is the payload %q", p)
	}
}

func TestTalk(t *testing.T) {
	for _, tt := range []struct {
		talk        Talk
		echoes      bool
		words       string
		text, given bool
	}{
		{Talk{}, true, "", true, false},
		{Talk{Expect: ExpectEcho, Message: "\xff"}, true, "", false, true},
		{Talk{Expect: ExpectAny, First: "é"}, false, "", true, true},
		{Talk{Expect: "ack", Message: "a", First: "\xff"}, false, "ack", false, true},
	} {
		text, given := tt.talk.IsText()
		if tt.talk.Echoes() != tt.echoes || tt.talk.Words() != tt.words || text != tt.text || given != tt.given {
			t.Errorf("%+v: echoes %v, words %q, text %v, given %v", tt.talk, tt.talk.Echoes(), tt.talk.Words(), text,
				given)
		}
		if p := tt.talk.Public(); p.Expect != tt.talk.Expect || tt.talk.Message != "" && p.Message != "1 bytes" {
			t.Errorf("%+v is shown as %+v", tt.talk, p)
		}
	}
}

// A report tells how long a message is as it is sent, and nothing of what it says.
func TestPublicSize(t *testing.T) {
	for said, want := range map[Payload]Payload{
		"":                   "",
		"secret":             "6 bytes",
		"{{i}}":              "3 bytes",
		`{"a":"é"}`:          "10 bytes",
		"PING {uuid}\r\n":    "up to 43 bytes",
		"{rand}{rand}":       "up to 20 bytes",
		`{"token":"{line}"}`: "up to 12 bytes and a line",
	} {
		if got := (Talk{Message: said, First: said}).Public(); got.Message != want || got.First != want {
			t.Errorf("%q is shown as %q and %q, want %q", said, got.Message, got.First, want)
		}
	}
}
