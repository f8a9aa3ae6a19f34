package secure

import (
	"bytes"
	"crypto/tls"
	"reflect"
	"sync"
	"unsafe"
)

// MaxPlaintext is the most bytes that one record carries, RFC 8446 section 5.1.
const MaxPlaintext = 16 << 10

// IdleBytes bounds what an idle connection takes at one end, bytes: 3.1 KB of live heap,
// and as much again until the next garbage collection.
const IdleBytes = 6 << 10

// A tls.Conn keeps two buffers for its whole life, one that it reads records into and
// one of handshake messages, as large as they became in the handshake: half of all that
// an idle connection would cost. It has no method to release them, so we do it from
// outside: it is lent a pooled buffer for records while it reads, and the buffer of
// handshake messages is dropped after the handshake.
//
// Both are fields that crypto/tls does not export, bytes.Buffers since Go 1.12. Where a
// version of Go does not have them, nothing is lent and nothing dropped: a connection
// costs more then, and TestBuffersAreFound fails.
var buffers = findBuffers(reflect.TypeFor[tls.Conn]())

// offsets are where the two buffers lie in a tls.Conn, bytes from its beginning.
type offsets struct {
	records, handshake uintptr
	found              bool
}

func findBuffers(conn reflect.Type) offsets {
	buffer := reflect.TypeFor[bytes.Buffer]()
	records, is := conn.FieldByName("rawInput")
	handshake, too := conn.FieldByName("hand")
	if !is || !too || records.Type != buffer || handshake.Type != buffer {
		return offsets{}
	}
	return offsets{records.Offset, handshake.Offset, true}
}

// records is the buffer that c reads records into; handshakes the one of its
// handshake messages.
func records(c *tls.Conn) *bytes.Buffer {
	return (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(c), buffers.records))
}
func handshakes(c *tls.Conn) *bytes.Buffer {
	return (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(c), buffers.handshake))
}

// scratch is the buffer lent to a tls.Conn: whole records, and what came after them.
type scratch [64 << 10]byte

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// borrow gives c's tls.Conn a buffer for records, if it has none.
func (c *Conn) borrow() {
	if c.scratch == nil && buffers.found {
		c.scratch = scratches.Get().(*scratch)
		*records(c.tls) = *bytes.NewBuffer(c.scratch[:0])
	}
}

// Rest returns the buffer that Read works in to its pool, and keeps what was fed and not
// read. It is for a connection that will not be read from for a while. Read itself does
// the same with each error, ErrWait among them.
func (c *Conn) Rest() {
	var rest []byte
	if c.scratch != nil {
		rest = records(c.tls).Bytes()
	}
	c.wire.own(rest)
	if c.scratch != nil {
		*records(c.tls) = bytes.Buffer{}
		scratches.Put(c.scratch)
		c.scratch = nil
		c.forget()
	}
}

// forget drops the buffer of handshake messages, unless it holds part of one: session
// tickets and KeyUpdates come after the handshake, too.
func (c *Conn) forget() {
	if buffers.found && handshakes(c.tls).Len() == 0 {
		*handshakes(c.tls) = bytes.Buffer{}
	}
}

// settle takes both buffers from c's tls.Conn after its handshake, and returns the bytes
// that it has read and not used.
func (c *Conn) settle() (rest []byte) {
	if !buffers.found {
		return nil
	}
	rest = bytes.Clone(records(c.tls).Bytes())
	*records(c.tls) = bytes.Buffer{}
	c.forget()
	return rest
}

// block is pooled memory for what tls.Conn has written and Out has not taken yet.
type block struct{ b []byte }

var blocks = sync.Pool{New: func() any { return new(block) }}

func newBlock() *block { return blocks.Get().(*block) }

// maxBlock is the largest block, bytes, that goes back to the pool.
const maxBlock = 128 << 10

func (k *block) free() {
	if k.b = k.b[:0]; cap(k.b) <= maxBlock {
		blocks.Put(k)
	}
}
