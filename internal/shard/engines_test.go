package shard

import (
	"testing"

	"github.com/c10m/c10m/internal/echo"
)

// engineTests are what every engine must do, with a kernel.
var engineTests = []engineTest{
	{"EchoAndCounts", testEchoAndCounts},
	{"Admission", testAdmission},
	{"Scarce", testScarce},
	{"SlowReaderIsDropped", testSlowReaderIsDropped},
	{"IdleTimeout", testIdleTimeout},
	{"HalfClose", testHalfClose},
	{"BackPressure", testBackPressure},
	{"Budget", testBudget},
	{"WebSocketEcho", testWebSocketEcho},
	{"WebSocketLarge", testWebSocketLarge},
	{"WebSocketCounts", testWebSocketCounts},
	{"WebSocketByteAtATime", testWebSocketByteAtATime},
	{"WebSocketEndings", testWebSocketEndings},
	{"WebSocketRefusals", testWebSocketRefusals},
	{"WebSocketDeadlines", testWebSocketDeadlines},
	{"WebSocketDrain", testWebSocketDrain},
	{"WebSocketDrainBusy", testWebSocketDrainBusy},
	{"WebSocketSlowReader", testWebSocketSlowReader},
	{"WebSocketLateReader", testWebSocketLateReader},
	{"WebSocketOverLimit", testWebSocketOverLimit},
}

type engineTest struct {
	name string
	run  func(*testing.T, echo.Engine)
}

// cannot are the tests that an engine does not pass, by "engine/test", and why.
var cannot = map[string]string{}

func TestEngines(t *testing.T) { runEngines(t, "", engineTests) }

// TestEnginesOverTLS: all that an engine must do, it must do over TLS.
func TestEnginesOverTLS(t *testing.T) {
	speakTLS(t)
	runEngines(t, "TLS/", engineTests)
	runEngines(t, "TLS/", tlsTests)
}

func runEngines(t *testing.T, over string, tests []engineTest) {
	for _, engine := range Engines() {
		for _, tt := range tests {
			name := engine + "/" + over + tt.name
			t.Run(name, func(t *testing.T) {
				if why := cannot[name]; why != "" {
					t.Skip(why)
				}
				tt.run(t, engines[engine])
			})
		}
	}
}
