package report

import (
	"fmt"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// wording is what messages and what answers them are called: an echo is one only
// where that was expected.
type wording struct{ title, answered, latency, verified, ways string }

func wordsFor(t plan.Talk) wording {
	switch {
	case t.Echoes():
		return wording{"Echo", "came back", "echo", "one message each, byte for byte", " each way"}
	case t.Expect == plan.ExpectNone:
		return wording{title: "Messages", latency: "answer"}
	}
	return wording{"Messages", "answered", "answer", "one message each, answered", ""}
}

// talkSection is what was heard of a server that is no echo, beside its answers.
func talkSection(t *result.Talk) section {
	if t == nil {
		return section{}
	}
	heard := table{Title: "Pushes"}
	if p := t.Pushes; p != nil {
		if p.Received > 0 {
			heard.say("received", "%s by %s, %s", unit.Commas(p.Received),
				Plural(p.Conns, "connection"), unit.Bytes(float64(p.Bytes)))
		} else {
			heard.say("received", "none")
		}
		if p.Rate > 0 {
			heard.say("rate", "%s over %s, %s on each connection", unit.PerSecond(p.Rate),
				unit.Seconds(p.Seconds), unit.PerSecond(p.RatePerConn))
		}
	}
	if t.Skipped > 0 {
		heard.say("passed over", "%s that came first (--skip)", unit.Commas(t.Skipped))
	}
	if f := t.FanOut; f != nil {
		reach := ""
		if f.Fewest < f.Most {
			reach = fmt.Sprintf(", %s to %s", unit.Commas(f.Fewest), unit.Commas(f.Most))
		}
		heard.say("fan-out", "%s to %s each%s", Plural(f.Broadcasts, "broadcast"), Plural(f.Median, "connection"),
			reach)
	}
	first := table{Title: "First message"}
	if f := t.First; f != nil {
		first.say("sent", "%s, %s answered", unit.Commas(f.Sent), unit.Commas(f.Answered))
	}
	var times []timed
	if t.First != nil {
		times = append(times, timed{"first", t.First.Latency})
	}
	if t.Pushes != nil {
		times = append(times, timed{"push gap", t.Pushes.Gap})
	}
	if t.FanOut != nil {
		times = append(times, timed{"fan-out", t.FanOut.Delay}, timed{"last had", t.FanOut.Whole})
	}
	s := section{Title: "Pushes and first messages",
		Tables: filled(first, heard, latencyTable(times...), deflateTable(t.Deflate))}
	if t.FanOut != nil {
		s.Notes = []string{"The same bytes on several connections are one broadcast: fan-out is when each further " +
			"connection had it, after the first that did, and \"last had\" when all had that got it."}
	}
	return s
}

// deflateTable is what compression saved and took; d may be nil.
func deflateTable(d *result.Deflate) table {
	t := table{Title: "permessage-deflate"}
	if d == nil {
		return t
	}
	t.say("agreed", "%s of %s handshakes", unit.Commas(d.Agreed), unit.Commas(d.Agreed+d.Refused))
	if d.WireShare > 0 {
		t.say("on the wire", "%s of the payload: %s sent as %s, %s received as %s", unit.InShare.Format(d.WireShare),
			unit.Bytes(float64(d.Sent)), unit.Bytes(float64(d.SentWire)),
			unit.Bytes(float64(d.Received)), unit.Bytes(float64(d.ReceivedWire)))
	}
	if d.Messages > 0 {
		t.say("cost", "%s of the client's threads, %s a message", unit.Seconds(d.Seconds),
			unit.Nanos(int64(d.Seconds/float64(d.Messages)*1e9)))
	}
	return t
}
