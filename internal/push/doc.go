// Package push sends the metrics of a run to a collector while the run goes on, by
// OTLP over HTTP (OpenTelemetry), under the names that /metrics has.
//
//	p, err := push.Start(push.Config{URL: "http://collector:4318", Every: 5 * time.Second, Gather: gather})
//	...
//	sent, failed, err := p.Stop() // err is the first failure
//
// It works in a goroutine of its own: with a collector that is slow or gone pushes
// fail, and the run is not disturbed. HTTP headers, as for a token, come from the
// environment variables that the OpenTelemetry library reads
// (OTEL_EXPORTER_OTLP_HEADERS).
package push
