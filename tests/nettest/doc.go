// Package nettest is what the tests of several packages need of the network: a wait
// for a condition, servers, dials and free ports on loopback, network namespaces, and
// the opening handshake of a WebSocket. It imports nothing of ours, so the tests of any
// package can use it.
//
//	at := nettest.Listen(t, nettest.Echo)
//	c := nettest.Dial(t, at.String())
//	...
//	nettest.Await(t, "the server to see the end", func() bool { return ended.Load() })
package nettest
