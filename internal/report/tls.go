package report

import (
	"fmt"
	"strings"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// spoken is what a run spoke.
func spoken(r *result.Result) string {
	switch {
	case r.TLS != nil && r.TLS.Mixed:
		return r.Proto + " with TLS and without"
	case r.TLS != nil:
		return r.Proto + " with TLS"
	}
	return r.Proto
}

// tlsSection is how the connections were secured.
func tlsSection(t *result.TLS) section {
	if t == nil {
		return section{}
	}
	all := table{Title: "TLS"}
	all.say("handshakes", "%s full, %s resumed", unit.Commas(t.Full), unit.Commas(t.Resumed))
	if t.Rate > 0 {
		all.say("rate", "%s", unit.PerSecond(t.Rate))
	}
	for i, on := range t.Agreed {
		name := "agreed on"
		if i > 0 {
			name = ""
		}
		said := []string{on.Version, on.Cipher}
		if on.Protocol != "" {
			said = append(said, "ALPN "+on.Protocol)
		}
		if len(t.Agreed) > 1 {
			said = append(said, unit.Commas(on.Count)+" times")
		}
		all.say(name, "%s", strings.Join(said, ", "))
	}
	if len(t.Alerts) > 0 {
		all.say("alerts", "%s", alertsText(t.Alerts))
	}
	if t.Mixed {
		all.say("secured", "the connections to tls:// and wss:// targets; the others are plain")
	}
	if len(t.Agreed) > 0 {
		all.Rows = append(all.Rows, certificateRow(t.Verified))
	}
	return section{Title: "TLS", Tables: filled(all, latencyTable(timed{"handshake", t.Latency}))}
}

// alertsText is the servers' alerts by name, the most frequent first.
func alertsText(alerts result.ErrorCounts) string {
	var said []string
	for _, a := range alerts.Top(0) {
		said = append(said, fmt.Sprintf("%s %s", a.Name, unit.Commas(a.N)))
	}
	return strings.Join(said, ", ")
}

func certificateRow(verified bool) line {
	if verified {
		return line{Name: "certificate", Note: "verified: who signed it, its name and its time", Class: "good"}
	}
	return line{Name: "certificate", Note: "not verified (--insecure)", Class: "doubt"}
}
