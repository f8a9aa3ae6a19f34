package report

import (
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// packetSection is what a client that speaks TCP itself has counted of it. What did
// not happen is left out.
func packetSection(p *result.Packets) section {
	if p == nil {
		return section{}
	}
	t := table{Title: "Packets of the client's own TCP"}
	t.say("packets", "%s sent, %s received", unit.Commas(p.Sent), unit.Commas(p.Received))
	for _, row := range []struct {
		name string
		n    int64
		what string
	}{
		{"sent again", p.Repeated, "segments that were not acknowledged in time"},
		{"window probes", p.Probes, "of windows that the server had shut"},
		{"had before", p.Duplicates, "segments, keepalive probes among them"},
		{"beyond gaps", p.Gaps, "segments, which had to come again"},
		{"challenged", p.Challenged, "resets and others without the exact number: they ended nothing (RFC 5961)"},
		{"stray", p.Stray, "segments of no connection that there was"},
		{"foreign", p.Foreign, "packets of somebody else, dropped"},
		{"damaged", p.Damaged, "packets with a wrong checksum, dropped"},
		{"unanswered", p.Unanswered, "answers to such segments, too many to send"},
		{"refused", p.Refused, "packets that the device did not take"},
	} {
		if row.n > 0 {
			t.say(row.name, "%s %s", unit.Commas(row.n), row.what)
		}
	}
	return section{Title: "Packets", Tables: filled(t)}
}
