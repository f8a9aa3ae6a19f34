// Package secure is TLS without a socket: one end of a connection as bytes in and
// bytes out, so that an event loop can serve connections for which crypto/tls alone
// would need a goroutine each.
//
// Ciphertext that came is given to Feed; plaintext is taken with Read, which
// never waits; what Write, Shutdown and the handshake have to send is taken
// with Out. Only the handshake needs a goroutine, because crypto/tls has no
// other way: it borrows one of a bounded Pool, and gives it back when it is
// done. An idle connection has none, and no buffer either.
//
//	pool.Handshake(c, tell, done)       // from then on, at any time:
//	c.Feed(came)
//	send(c.Out(nil))                    // after tell, after done
//	...done(nil) was called, on the loop's thread, with nothing or what came:
//	c.Feed(came)
//	for {
//		n, err := c.Read(buf)       // of MaxPlaintext bytes
//		use(buf[:n])
//		if err != nil {             // ErrWait, io.EOF, others: see CauseOf
//			break
//		}
//	}
//	c.Write(answer)
//	send(c.Out(nil))
//
// The package also owns the causes of failures (Cause), self-signed certificates, and
// what a client and a server are told about trust (Options, Terms). It opens no
// connection and keeps no list of them.
package secure
