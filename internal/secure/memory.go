package secure

import (
	"bytes"
	"crypto/tls"
	"reflect"
	"sync"
	"unsafe"
)

// MaxPlaintext is what one record carries at most, RFC 8446 section 5.1.
const MaxPlaintext = 16 << 10

// IdleBytes is what an idle connection takes at an end of ours, at most: 3.1 KB of
// live heap, and as much again while a garbage collection is due.
const IdleBytes = 6 << 10

// A tls.Conn keeps for its whole life the buffer that it reads records into and
// the one of handshake messages, as large as they were in the handshake: half of
// all that an idle connection would cost. It has no method to let go of them. So
// we do it from outside: the buffer for records is lent to it while it reads, one
// for all connections of a thread, and the other is dropped with the handshake.
//
// Both are fields that crypto/tls does not export, bytes.Buffers since Go 1.12.
// Where they are not found any more nothing is lent and nothing dropped: a
// connection costs more then, and TestBuffersAreFound says so.
var buffers = findBuffers(reflect.TypeFor[tls.Conn]())

// offsets of the fields in tls.Conn.
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

// scratch is memory to read in: whole records, and what came behind them.
type scratch [64 << 10]byte

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// borrow gives c's tls.Conn a buffer for records, if it has none.
func (c *Conn) borrow() {
	if c.scratch == nil && buffers.found {
		c.scratch = scratches.Get().(*scratch)
		*records(c.tls) = *bytes.NewBuffer(c.scratch[:0])
	}
}

// Rest lets go of the memory that Read works in, and keeps what was fed and not
// read: for a connection that is not read on for a while. Read itself does so
// with each error, ErrWait among them.
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

// forget drops the buffer of handshake messages, which also tickets and new keys
// take after the handshake, unless part of one is in it.
func (c *Conn) forget() {
	if buffers.found && handshakes(c.tls).Len() == 0 {
		*handshakes(c.tls) = bytes.Buffer{}
	}
}

// settle takes from c's tls.Conn what it keeps of its handshake, and returns the
// part that it has read and not used.
func (c *Conn) settle() (rest []byte) {
	if !buffers.found {
		return nil
	}
	rest = bytes.Clone(records(c.tls).Bytes())
	*records(c.tls) = bytes.Buffer{}
	c.forget()
	return rest
}

// block is output on its way from tls.Conn to Out.
type block struct{ b []byte }

var blocks = sync.Pool{New: func() any { return new(block) }}

func newBlock() *block { return blocks.Get().(*block) }

// maxBlock is what a block may hold to be used again.
const maxBlock = 128 << 10

func (k *block) free() {
	if k.b = k.b[:0]; cap(k.b) <= maxBlock {
		blocks.Put(k)
	}
}
