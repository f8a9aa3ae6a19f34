package ws

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// Compressed is set beside the opcode of a message's first frame if its payload is
// compressed: RSV1, RFC 7692 section 6.
const Compressed = 0x40

// deflateName is the extension of RFC 7692 section 7. Ours keeps no context between
// two messages, in neither direction (section 7.1.1): a context is a window of 32 KiB
// and more for each connection.
const (
	deflateName  = "permessage-deflate"
	deflateOffer = deflateName + "; server_no_context_takeover; client_no_context_takeover"
)

// Errors of permessage-deflate.
var (
	ErrDeflate  = errors.New("server agreed to permessage-deflate with parameters that were not offered")
	ErrInflated = errors.New("compressed message is longer than is taken")
	errDeflate  = errors.New("compressed message is broken")
)

// OfferDeflate makes the request offer permessage-deflate.
func (t *Template) OfferDeflate() {
	t.offer = "\r\nSec-WebSocket-Extensions: " + deflateOffer
}

// Deflates says whether the answer that CheckResponse has found to be right, a header
// block, agrees to permessage-deflate.
func (t *Template) Deflates(block []byte) bool {
	for t.offer != "" && len(block) > 0 {
		var line []byte
		line, block = cutLine(block)
		if name, value, ok := parseField(line); ok && equalFold(name, extensionsField) && len(value) > 0 {
			return true
		}
	}
	return false
}

// checkExtensions reads a Sec-WebSocket-Extensions field of an answer. Of the
// parameters, server_no_context_takeover has to be there as it was offered; that of the
// client may be, and does not matter; a window of the server's may be as small as it
// likes (section 7.1.2.1). A window for the client was not offered.
func (t *Template) checkExtensions(value []byte) error {
	name, parameters, _ := strings.Cut(string(value), ";")
	if t.offer == "" || !strings.EqualFold(strings.TrimSpace(name), deflateName) {
		return ErrExtension
	}
	var seen []string
	for p := range strings.SplitSeq(parameters, ";") {
		p, setting, _ := strings.Cut(strings.ToLower(strings.TrimSpace(p)), "=")
		switch {
		case slices.Contains(seen, p):
			return ErrDeflate
		case p == "server_no_context_takeover" && setting == "", p == "client_no_context_takeover" && setting == "",
			p == "server_max_window_bits" && isWindow(setting):
			seen = append(seen, p)
		case p != "":
			return ErrDeflate
		}
	}
	if !slices.Contains(seen, "server_no_context_takeover") {
		return ErrDeflate
	}
	return nil
}

// isWindow says whether a setting is 8..15, which may be quoted.
func isWindow(setting string) bool {
	if len(setting) > 2 && setting[0] == '"' && setting[len(setting)-1] == '"' {
		setting = setting[1 : len(setting)-1]
	}
	return slices.Contains([]string{"8", "9", "10", "11", "12", "13", "14", "15"}, setting)
}

// The compressors are some hundred kilobytes each. They are borrowed for one message,
// so that a connection has none.
var (
	deflaters = sync.Pool{New: func() any { return new(deflater) }}
	inflaters = sync.Pool{New: func() any { return new(inflater) }}
)

// syncTail is how a flush ends, which a message leaves out, and finalTail an empty
// last block (RFC 1951 section 3.2.4), so that the inflater comes to an end.
const (
	syncTail  = "\x00\x00\xff\xff"
	finalTail = "\x01\x00\x00\xff\xff"
)

type deflater struct {
	w   *flate.Writer
	out []byte
}

// Write implements io.Writer.
func (d *deflater) Write(p []byte) (int, error) {
	d.out = append(d.out, p...)
	return len(p), nil
}

// AppendDeflated appends a message's payload, compressed as RFC 7692 section 7.2.1
// wants it. The same payload is always compressed to the same bytes.
func AppendDeflated(dst, payload []byte) []byte {
	d := deflaters.Get().(*deflater)
	d.out = dst
	if d.w == nil {
		d.w, _ = flate.NewWriter(d, flate.BestSpeed) // the level is legal
	} else {
		d.w.Reset(d)
	}
	_, _ = d.w.Write(payload) // deflater takes everything
	_ = d.w.Flush()
	dst = bytes.TrimSuffix(d.out, []byte(syncTail))
	d.out = nil
	deflaters.Put(d)
	return dst
}

type inflater struct {
	r    io.ReadCloser
	in   []byte
	tail string
}

// Read implements io.Reader: the message, then what ends it.
func (i *inflater) Read(p []byte) (n int, err error) {
	if n = copy(p, i.in); n == 0 {
		n = copy(p, i.tail)
		i.tail = i.tail[n:]
	}
	i.in = i.in[min(n, len(i.in)):]
	if n == 0 && len(p) > 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return n, nil
}

// ReadByte implements io.ByteReader, or else flate would read through a buffer.
func (i *inflater) ReadByte() (b byte, err error) {
	switch {
	case len(i.in) > 0:
		b, i.in = i.in[0], i.in[1:]
	case i.tail != "":
		b, i.tail = i.tail[0], i.tail[1:]
	default:
		return 0, io.ErrUnexpectedEOF
	}
	return b, nil
}

// inflateStep is how much room is made at once.
const inflateStep = 4 << 10

// AppendInflated appends what a compressed message says, RFC 7692 section 7.2.2. If it
// is more than most bytes the error is ErrInflated: a few kilobytes can be inflated to
// gigabytes.
func AppendInflated(dst, message []byte, most int) ([]byte, error) {
	i := inflaters.Get().(*inflater)
	i.in, i.tail = message, syncTail+finalTail
	if i.r == nil {
		i.r = flate.NewReader(i)
	} else if err := i.r.(flate.Resetter).Reset(i, nil); err != nil {
		return dst, err
	}
	start := len(dst)
	var err error
	for err == nil && len(dst)-start <= most {
		dst = slices.Grow(dst, inflateStep)
		var n int
		n, err = i.r.Read(dst[len(dst):min(cap(dst), len(dst)+most+1-(len(dst)-start))])
		dst = dst[:len(dst)+n]
	}
	i.in = nil
	inflaters.Put(i)
	switch {
	case len(dst)-start > most:
		return dst[:start], ErrInflated
	case err != io.EOF:
		return dst[:start], fmt.Errorf("%w: %v", errDeflate, err)
	}
	return dst, nil
}
