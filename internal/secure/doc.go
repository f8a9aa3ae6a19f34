// Package secure is TLS without a socket: one end of a connection as bytes in
// and bytes out, so that an event loop can own what crypto/tls would want a
// goroutine for.
//
// Ciphertext that came is given to Feed; plaintext is taken with Read, which
// never waits; what Write, Shutdown and the handshake have to send is taken
// with Out. Only the handshake needs a goroutine, because crypto/tls has no
// other way: it borrows one of a bounded Pool, and gives it back when it is
// done. An idle connection has none.
//
// The package owns what failed and why (Cause), certificates made at the start,
// and the client's flags about trust. It opens no connection and keeps no list
// of them.
package secure
