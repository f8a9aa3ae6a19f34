package epoll

import (
	"fmt"
	"math/bits"
	"os"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/c10m/c10m/internal/sys"
)

// conn is all that the server keeps of an idle connection, TCP or WebSocket: 16
// bytes, at its fd's place in a flat array outside the Go heap.
type conn struct {
	// owner is, in its low bits, 1 + the number of the lane that the connection is of, or
	// 0 where there is no connection; and above them the generation of the fd, by which
	// events of an earlier connection with the same fd are told apart.
	owner   atomic.Uint32
	last    moment // when it last spoke
	session uint32 // 1 + the place of its session in the loop's list; 0: it has none
	port    uint16 // index of the listening port
	watch   uint8  // what epoll watches it for: an interest
	unread  bool   // it had more to read when its turn was over
}

const (
	connSize  = int(unsafe.Sizeof(conn{}))
	ownerBits = 16
	ownerMask = 1<<ownerBits - 1
)

// gen is the generation as events carry it.
func (c *conn) gen() int32 { return int32(c.owner.Load() >> ownerBits) }

// ofLane says whether it is a connection of lane id's loop.
func (c *conn) ofLane(id int) bool { return c.owner.Load()&ownerMask == uint32(id+1) }

// moment is a time as connections keep it: sixteenths of a second since the loop
// began, on the monotonic clock. It overflows after eight years.
type moment uint32

const moments = 16 // a second

// Connections are counted, and their memory given back, by chunks of a page.
var (
	chunkBits = bits.TrailingZeros(uint(os.Getpagesize() / connSize))
	chunkSize = 1 << chunkBits
)

// table is the connections of one fd table, by fd. Its memory is reserved at once
// and taken page by page by the first connection there, so that fds that were
// never used cost nothing.
type table struct {
	mem    []byte
	conns  []conn
	chunks []atomic.Int32 // how many each holds; below 0 while trim empties it
}

// trimming is added to a chunk's count meanwhile.
const trimming = -1 << 30

// newTable makes room for the fds 0..n-1.
func newTable(n int64) (*table, error) {
	chunks := int(n)>>chunkBits + 1
	mem, err := sys.Alloc(chunks << chunkBits * connSize)
	if err != nil {
		return nil, fmt.Errorf("reserve room for %d connections: %w", n, err)
	}
	conns := unsafe.Slice((*conn)(unsafe.Pointer(unsafe.SliceData(mem))), chunks<<chunkBits)
	return &table{mem: mem, conns: conns, chunks: make([]atomic.Int32, chunks)}, nil
}

// put takes the place of an fd.
func (t *table) put(fd, port, lane int, now moment) *conn {
	held := &t.chunks[fd>>chunkBits]
	for held.Add(1) <= 0 { // another loop's trim is running
		held.Add(-1)
		runtime.Gosched()
	}
	c := &t.conns[fd]
	c.last, c.session, c.port, c.watch, c.unread = now, 0, uint16(port), uint8(reading), false
	c.owner.Store(uint32(c.gen()+1)<<ownerBits | uint32(lane+1))
	return c
}

// drop frees it.
func (t *table) drop(fd int) {
	c := &t.conns[fd]
	c.owner.Store(uint32(c.gen()) << ownerBits)
	t.chunks[fd>>chunkBits].Add(-1)
}

// trim releases the memory of chunks that hold no connection. Generations start again
// from 0 there, so an event of a connection that is gone may be taken for one of the
// next: that is a spurious event, which the handling of events must bear.
func (t *table) trim() {
	bytes := connSize << chunkBits
	for i := range t.chunks {
		if held := &t.chunks[i]; held.CompareAndSwap(0, trimming) {
			sys.Empty(t.mem[i*bytes:][:bytes])
			held.Add(-trimming)
		}
	}
}

// each calls visit for every connection of a lane's loop; visit may drop it.
func (t *table) each(lane int, visit func(fd int, c *conn)) {
	for i := range t.chunks {
		if t.chunks[i].Load() <= 0 {
			continue
		}
		for fd := i << chunkBits; fd < (i+1)<<chunkBits; fd++ {
			if c := &t.conns[fd]; c.ofLane(lane) {
				visit(fd, c)
			}
		}
	}
}

// release gives back everything.
func (t *table) release() { sys.Free(t.mem) }
