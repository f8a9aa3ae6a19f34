package ws

import (
	"bytes"
	"strconv"
)

// agreement is what a server agrees to of a client's offers of permessage-deflate, RFC
// 7692 section 7.1. An echo sends a compressed message back as it came, which needs no
// window of its own, as long as no message leans on an earlier one, in neither direction,
// and as the client's window is none that the client could not inflate by.
type agreement struct {
	ok             bool
	server, client int // max_window_bits of either; 0: nothing is said of it
}

// read takes the first offer that can be kept, of a Sec-WebSocket-Extensions field; other
// extensions and offers are passed over.
func (a *agreement) read(value []byte) {
	for len(value) > 0 && !a.ok {
		var offer []byte
		offer, value = cutElement(value)
		*a = agreementOn(offer)
	}
}

// agreementOn is that on one offer; not ok if that cannot be kept.
func agreementOn(offer []byte) (a agreement) {
	name, parameters, more := bytes.Cut(offer, []byte(";"))
	if !equalFold(bytes.TrimSpace(name), deflateName) {
		return agreement{}
	}
	const widest = 15      // bits, 32 KiB: what deflate has at most, RFC 1951
	var server, client int // the bits that were offered
	var seen [4]bool       // which parameters
	for more {
		var p []byte
		p, parameters, more = bytes.Cut(parameters, []byte(";"))
		p, setting, has := bytes.Cut(bytes.TrimSpace(p), []byte("="))
		var bits int
		i := -1
		switch {
		case equalFold(p, "server_no_context_takeover"):
			i = 0
		case equalFold(p, "client_no_context_takeover"):
			i = 1
		case equalFold(p, "server_max_window_bits"):
			i, bits = 2, windowOf(setting)
			server = bits
		case equalFold(p, "client_max_window_bits"):
			if i, bits = 3, widest; has {
				bits = windowOf(setting)
			}
			client = bits
		}
		if i < 0 || seen[i] || has && i < 2 || i >= 2 && bits == 0 {
			return agreement{}
		}
		seen[i] = true
	}
	switch {
	case server == 0: // it inflates whatever it deflates itself
		return agreement{ok: true}
	case client == 0 && server < widest: // it cannot be told to deflate by so small a window
		return agreement{}
	case client == 0:
		return agreement{ok: true, server: server}
	}
	return agreement{ok: true, server: server, client: min(server, client)}
}

// windowOf is a setting of 8..15, which may be quoted; 0: it is none.
func windowOf(setting []byte) int {
	if !isWindow(string(setting)) {
		return 0
	}
	n, _ := strconv.Atoi(string(bytes.Trim(setting, `"`))) // it is a number
	return n
}

// append adds the header field by which the server agrees; nothing if it does not.
func (a agreement) append(out []byte) []byte {
	if !a.ok {
		return out
	}
	out = append(append(out, "\r\nSec-WebSocket-Extensions: "...), deflateOffer...)
	if a.server > 0 {
		out = strconv.AppendInt(append(out, "; server_max_window_bits="...), int64(a.server), 10)
	}
	if a.client > 0 {
		out = strconv.AppendInt(append(out, "; client_max_window_bits="...), int64(a.client), 10)
	}
	return out
}

// Deflates says whether Upgrade, with Limits.Deflate, has agreed to permessage-deflate
// in its answer to a request, a header block.
func Deflates(block []byte) bool {
	var a agreement
	for len(block) > 0 && !a.ok {
		var line []byte
		line, block = cutLine(block)
		if name, value, ok := parseField(line); ok && equalFold(name, extensionsField) {
			a.read(value)
		}
	}
	return a.ok
}

// extensionsField is Sec-WebSocket-Extensions, RFC 6455 section 11.3.2.
const extensionsField = "sec-websocket-extensions"
