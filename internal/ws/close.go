package ws

import (
	"encoding/binary"
	"slices"
	"unicode/utf8"

	gobwas "github.com/gobwas/ws"
)

// Close codes, RFC 6455 section 7.4.1.
const (
	CodeNormal    = uint16(gobwas.StatusNormalClosure)
	CodeGoingAway = uint16(gobwas.StatusGoingAway)
	CodeProtocol  = uint16(gobwas.StatusProtocolError)
	CodeNone      = uint16(gobwas.StatusNoStatusRcvd) // never on the wire: an empty close frame
	CodeUTF8      = uint16(gobwas.StatusInvalidFramePayloadData)
	CodeTooBig    = uint16(gobwas.StatusMessageTooBig)
)

// Cause is why a connection ends, to be counted.
type Cause uint8

// The causes. None goes on.
const (
	None     Cause = iota
	Normal         // the other end closed
	Protocol       // it broke a rule of framing
	UTF8           // it sent text that is not UTF-8
	TooBig         // it announced more than MaxMessage
)

// String is the cause as it is counted.
func (c Cause) String() string {
	return [...]string{"none", "normal", "protocol", "utf8", "too_big"}[c]
}

// Verdict is whether a connection goes on, which is the zero value.
type Verdict struct {
	Cause Cause
	Code  uint16 // the close code: the client's, CodeNone if it gave none, or ours
}

// Closed says that the close frame is sent (it is the end of the output) and
// that nothing more is to be read.
func (v Verdict) Closed() bool { return v.Cause != None }

// parseClose reads the payload of a close frame, RFC 6455 section 5.5.1. A
// server may also send what was registered since (section 7.4.2): 1012 restart,
// 1013 try again later, 1014 bad gateway. To a client these mean nothing.
func parseClose(p []byte, fromServer bool) (v Verdict, reason []byte) {
	switch {
	case len(p) == 0:
		return Verdict{Normal, CodeNone}, nil
	case len(p) == 1:
		return Verdict{Protocol, CodeProtocol}, nil
	}
	code := binary.BigEndian.Uint16(p)
	switch reason = p[2:]; {
	case !validCode(code) && !(fromServer && code >= 1012 && code <= 1014):
		return Verdict{Protocol, CodeProtocol}, nil
	case !utf8.Valid(reason):
		return Verdict{UTF8, CodeUTF8}, nil
	}
	return Verdict{Normal, code}, reason
}

// validCode says whether a code may stand in a close frame: what RFC 6455
// section 7.4.1 defines for it, and 3000..4999.
func validCode(code uint16) bool {
	return code < 5000 && gobwas.CheckCloseFrameData(gobwas.StatusCode(code), "") == nil
}

// CloseFrame appends a server's close frame. A reason that is too long for a
// control frame is cut at a character. code CodeNone makes the frame empty.
func CloseFrame(dst []byte, code uint16, reason string) []byte {
	if code == CodeNone {
		return append(dst, bitFin|OpClose, 0)
	}
	const most = gobwas.MaxControlFramePayloadSize - 2
	if len(reason) > most {
		n := most
		for n > 0 && !utf8.RuneStart(reason[n]) {
			n--
		}
		reason = reason[:n]
	}
	dst = append(dst, bitFin|OpClose, byte(2+len(reason)), byte(code>>8), byte(code))
	return append(dst, reason...)
}

// grow lengthens dst by n bytes of whatever was there.
func grow(dst []byte, n int) []byte { return slices.Grow(dst, n)[:len(dst)+n] }
