package ws

import (
	"bytes"
	"encoding/base64"
)

// Answers to an opening handshake, RFC 6455 section 4.2.2. All but the first
// end the connection.
const (
	switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
	hangUp    = "Connection: close\r\nContent-Length: 0\r\n\r\n"

	badRequest = "HTTP/1.1 400 Bad Request\r\n" + hangUp
	notGet     = "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\n" + hangUp
	upgradeReq = "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Connection: Upgrade, close\r\nContent-Length: 0\r\n\r\n"
	headerSizeTooLarge = "HTTP/1.1 431 Request Header Fields Too Large\r\n" + hangUp
)

// request is what Upgrade needs of a request. The counts are of field lines:
// none of these may come twice.
type request struct {
	upgrade, connection       bool // the tokens were found
	hosts, keys, versions     int
	key, version, subprotocol []byte
	mayDeflate                bool
	deflate                   agreement
}

// Upgrade reads the client's opening handshake, RFC 6455 section 4.2.1, at the
// start of in. n is the bytes it took, never more than the header block; 0: it
// is not all there yet. The response is appended to out: 101 if ok, else 400,
// 405, 426 or 431, after which the connection is to be closed.
//
// Empty lines before the request line are passed over (RFC 9112 section 2.2).
// What cannot begin a request is refused at its first byte, without waiting for
// the rest: a TLS ClientHello has no end of a header block.
//
// Of the subprotocols that the client offers the first is taken: an echo speaks
// them all, and browsers insist on one. Extensions are passed over,
// but permessage-deflate with Limits.Deflate.
func Upgrade(in, out []byte, lim Limits) (n int, response []byte, ok bool) {
	empty := emptyLines(in[:min(len(in), lim.maxHeader())])
	block := in[empty:]
	if empty < lim.maxHeader() && !mayBegin(block) {
		return empty + 1, append(out, badRequest...), false
	}
	n, tooLong := blockEnd(block, lim.maxHeader()-empty)
	switch {
	case tooLong:
		return min(len(in), lim.maxHeader()), append(out, headerSizeTooLarge...), false
	case n == 0:
		return 0, out, false
	}
	line, fields := cutLine(block[:n-2])
	n += empty
	if refusal := checkRequestLine(line); refusal != "" {
		return n, append(out, refusal...), false
	}
	r := request{mayDeflate: lim.Deflate}
	for len(fields) > 0 {
		line, fields = cutLine(fields)
		name, value, ok := parseField(line)
		if !ok || !r.add(name, value) {
			return n, append(out, badRequest...), false
		}
	}
	if refusal := r.check(); refusal != "" {
		return n, append(out, refusal...), false
	}
	out = appendAccept(append(out, switching...), r.key)
	if len(r.subprotocol) > 0 {
		out = append(append(out, "\r\nSec-WebSocket-Protocol: "...), r.subprotocol...)
	}
	return n, append(r.deflate.append(out), endOfBlock...), true
}

// emptyLines is the length of the empty lines that b begins with.
func emptyLines(b []byte) (n int) {
	for bytes.HasPrefix(b[n:], endOfBlock[:2]) {
		n += 2
	}
	return n
}

// mayBegin says whether a request may begin with b: with a method, which is a
// token, or for all that is known yet with an empty line.
func mayBegin(b []byte) bool {
	return len(b) == 0 || tokenByte[b[0]] || b[0] == '\r' && len(b) == 1
}

// checkRequestLine returns the answer to a bad one, "" to a good one.
func checkRequestLine(line []byte) string {
	method, rest, _ := bytes.Cut(line, []byte(" "))
	target, version, _ := bytes.Cut(rest, []byte(" "))
	switch {
	case !isToken(method) || !isVisible(target) || !isVersion(version):
		return badRequest
	case string(method) != "GET":
		return notGet
	case target[0] != '/' && !bytes.Contains(target, []byte("://")): // neither a path nor a whole URI
		return badRequest
	}
	return ""
}

// isVersion takes HTTP/1.1 "or higher" (RFC 6455 section 4.2.1), which RFC 9110
// section 2.5 bounds: another minor version is read the same, another major is not.
func isVersion(b []byte) bool {
	minor, ok := bytes.CutPrefix(b, []byte("HTTP/1."))
	return ok && len(minor) == 1 && '1' <= minor[0] && minor[0] <= '9'
}

// add takes a header field. It reports false on one that makes the request
// bad: what follows a handshake is frames, so there can be no body.
func (r *request) add(name, value []byte) bool {
	switch {
	case equalFold(name, "host"):
		r.hosts++
		return isHost(value)
	case equalFold(name, "upgrade"):
		r.upgrade = r.upgrade || hasElement(value, "websocket")
	case equalFold(name, "connection"):
		r.connection = r.connection || hasElement(value, "upgrade")
	case equalFold(name, "sec-websocket-key"):
		r.keys, r.key = r.keys+1, value
	case equalFold(name, "sec-websocket-version"):
		r.versions, r.version = r.versions+1, value
	case equalFold(name, "sec-websocket-protocol"):
		for len(value) > 0 {
			var el []byte
			switch el, value = cutElement(value); {
			case len(el) == 0: // RFC 9110 section 5.6.1.2: ignored
			case !isToken(el):
				return false
			case r.subprotocol == nil:
				r.subprotocol = el
			}
		}
	case r.mayDeflate && equalFold(name, extensionsField):
		r.deflate.read(value)
	case equalFold(name, "content-length"):
		return string(value) == "0"
	case equalFold(name, "transfer-encoding"):
		return false
	}
	return true
}

// check returns the answer to a bad request, "" to a good one. 426 goes to who
// asks for no WebSocket or for another version of it (section 4.4).
func (r *request) check() string {
	switch {
	case r.hosts != 1:
		return badRequest
	case !r.upgrade:
		return upgradeReq
	case !r.connection || r.keys != 1 || r.versions > 1 || !validKey(r.key):
		return badRequest
	case string(r.version) != "13":
		return upgradeReq
	}
	return ""
}

// validKey says whether key is 16 bytes in base64.
func validKey(key []byte) bool {
	var raw [18]byte
	if len(key) != keySize {
		return false
	}
	n, err := base64.StdEncoding.Decode(raw[:], key)
	return err == nil && n == 16
}
