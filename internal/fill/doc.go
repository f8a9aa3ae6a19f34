// Package fill renders text with placeholders: the path of a handshake, a header
// field, a message.
//
//	{i}     the connection's number, from 0
//	{rand}  a random number of ten digits, the first of them no zero
//	{uuid}  a random UUID, RFC 9562 version 4
//	{line}  the connection's line of a file, see Lines
//
// Only these names in braces mean anything. Everything else is sent as it stands, so
// that JSON like {"a":1}, or {"user":{i}}, needs no escape. A name between double
// braces is that name between single ones: {{i}} is sent as {i}. A name in other
// letters, like {UUID}, is refused, as nobody means it. ParseStrict refuses every other
// word in braces, too: in a path or a header field, which hold no JSON, it is misspelt.
//
// Nothing is kept for a connection. What is rendered depends on the seed, the
// connection, the number of its message and the place in the text alone, so a message
// of which a socket took a part is rendered again, byte for byte. {rand} and {uuid}
// differ at each place of a text; the first of one text is the first of another, of
// the same connection and message.
//
//	text, err := fill.Parse(`{"user":{i},"token":"{line}"}`)
//	buf = text.Append(buf[:0], conn, seq, lines)
//
// The package is pure: lines come as the contents of a file.
package fill
