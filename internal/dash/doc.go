// Package dash is the HTTP endpoint of a running server or client: a live page for
// people, /metrics for Prometheus, /debug/pprof, and the server's counts and memory
// (/footprint) for the client.
//
//	l, err := dash.Listen("127.0.0.1:9090")
//	stop := dash.Serve(l, dash.End{Meta: meta, Look: look, Report: report})
//	defer stop()
//
// While nobody looks it costs nothing: numbers are read when somebody asks, and only
// once however many are watching. It changes nothing, but for POST /drain with the
// token. Hostile requests are expected: there are deadlines, bounds on headers and
// connections (bounded.go), and checks of Host and Origin (guard.go).
package dash
