// Package push sends the metrics of a run to a collector while it goes on:
// OpenTelemetry's OTLP over HTTP, with the names that /metrics has.
//
//	p, err := push.Start(push.Config{URL: "http://collector:4318", Every: 5 * time.Second, Gather: gather})
//	...
//	sent, failed, err := p.Stop() // err is the first failure
//
// It works beside the run, in a goroutine of its own: a collector that is slow or gone
// costs pushes, and nothing else. Headers, as for a token, come from the environment
// by the library's rules (OTEL_EXPORTER_OTLP_HEADERS).
package push
