// Package relay is the middle tier of three: it accepts connections on its own
// ports and passes what they send on to an echo server, over upstream connections
// that are opened for each request, pooled, or kept as long as the client's. It
// exists to show what that choice costs: local ports and TIME_WAIT on the relay.
//
//	r := relay.New(relay.Config{Bind: ip, Ports: ports, Upstreams: servers,
//		Mode: relay.Pool, Pool: 100, Limit: 10_000}, counters)
//	err := r.Serve(ctx, ready)
//
// A request is what one read(2) returns, and its answer has as many bytes, because the
// upstream is an echo server. The relay uses package net, with a goroutine for each
// connection; it is the subject of an experiment, not a proxy to use.
package relay
