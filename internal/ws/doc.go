// Package ws is the WebSocket protocol (RFC 6455) for both ends: bytes in,
// bytes out. It touches no socket and knows no event loop; constants and the
// table of close codes come from github.com/gobwas/ws.
//
// # Server
//
// Upgrade answers the opening handshake, Echo everything after it. Echo works
// in place: a frame to a client is its frame less the 4 bytes of the mask, so
// what goes back fits where it came in. Per connection there is nothing while
// it is idle: a *Session is nil then, and exists only
//
//   - while a fragmented message is open,
//   - while a frame of more than MaxHeld bytes is passing through,
//   - while part of a smaller text frame waits: its UTF-8 is checked as it
//     arrives, so that a bad message fails at its first bad byte.
//
// What is waited for, left unconsumed in the caller's buffer and untouched:
// part of a frame header (at most 13 bytes) and part of a frame of at most
// MaxHeld bytes, header included; every control frame is such a frame.
//
// What is streamed: larger frames. Whatever part of the payload is at hand
// goes back at once as a fragment of its own, so that between two calls we are
// never inside a frame of ours and a close frame may follow at any time. Only
// the later parts of such a frame need room that they do not bring along, for
// our fragment's header: these are unmasked into a pooled buffer, in the same
// pass, which Session.Sent gives back as soon as the output is written.
//
// When Echo ends a connection of its own accord, or Leave does, the peer may be in
// the middle of a message. Skip passes over what it still sends, without keeping a
// byte, and says when its close frame is there: until then the connection should be
// read from, and our half of it stay open.
//
// Memory is bounded so: a Session is at most 64 bytes, the caller keeps at most
// MaxHeld unconsumed bytes, the pooled buffer is as large as the caller's one
// read and lives from Echo to Sent. MaxMessage bounds what a client may send,
// not what is held.
//
// # Client
//
// A Template writes requests and checks answers, interim ones (100 Continue)
// before the one that counts included. What cannot become an answer is refused at
// its first bytes, so that the caller can say what speaks there instead.
// AppendFrame masks, and Reader, 4 bytes and zero between messages, takes the
// server's frames apart. It leaves unconsumed part of a header or of a control
// frame, at most MaxReaderHeld bytes. It does not check text for UTF-8: whoever
// compares an echo with what was sent knows more.
//
//	t, err := ws.NewTemplate("example.org:80", "/chat", nil, "")
//	out = t.AppendRequest(out, conn)     // its number makes the key, and again to check
//	n, err := t.CheckResponse(in, conn)  // n is 0: there is more to come
//	for n < len(in) {
//		ev, took := reader.Next(in[n:])
//		if ev.Kind == ws.More {
//			break // keep what is left, read more
//		}
//		n += took
//	}
//
// Of extensions a client may offer permessage-deflate (RFC 7692), without a context
// between two messages: AppendDeflated, AppendInflated. A server may agree to it
// (Limits.Deflate); compressed messages come back as they came, so it keeps no window.
package ws
