package main

import (
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/plan"
)

// What flags say of the talk, and what follows from that.
func TestTalkFlags(t *testing.T) {
	for _, tt := range []struct {
		line   string
		want   plan.Talk
		text   bool
		verify int64
	}{
		{"", plan.Talk{}, false, 10_000},
		{"--proto ws --message hi{i}", plan.Talk{Message: "hi{i}"}, true, 10_000},
		{"--proto ws --message hi --text=false", plan.Talk{Message: "hi"}, false, 10_000},
		{"--proto ws --message \xff", plan.Talk{Message: "\xff"}, false, 10_000},
		{"--message hi", plan.Talk{Message: "hi"}, false, 10_000},
		{"--proto ws --first login --skip 2", plan.Talk{First: "login", Expect: "any", Skip: 2}, true, 0},
		{"--proto ws --first login --expect echo", plan.Talk{First: "login", Expect: "echo"}, true, 10_000},
		{"--expect any", plan.Talk{Expect: "any"}, false, 0},
		{"--expect any --verify 7", plan.Talk{Expect: "any"}, false, 7},
		{"--expect ack --message hi", plan.Talk{Expect: "ack", Message: "hi"}, false, 10_000},
		{"--expect none --message hi", plan.Talk{Expect: "none", Message: "hi"}, false, 0},
		{"--proto tcp,ws --deflate", plan.Talk{Deflate: true}, false, 10_000},
	} {
		h := newHold()
		if err := read(t.Context(), append([]string{"hold"}, strings.Fields(tt.line)...), h.runs, h.check); err != nil {
			t.Errorf("%q: %v", tt.line, err)
			continue
		}
		if h.Talk != tt.want || h.WebSocket.Text != tt.text || h.Verify != tt.verify {
			t.Errorf("%q: %+v, text %v, verify %d", tt.line, h.Talk, h.WebSocket.Text, h.Verify)
		}
	}
}
