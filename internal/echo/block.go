package echo

import "sync"

// block is pooled memory that holds the bytes b[from:] for a while. There is a pool
// for each size of blocks.
type block struct {
	next  *block
	from  int
	class int
	b     []byte
}

// classes are the sizes of blocks, bytes. The largest holds two parts of a frame,
// each of at most ws.MaxHeld bytes.
var classes = [...]int{512, 2 << 10, 8 << 10, 32 << 10}

var blocks [len(classes)]sync.Pool

// newBlock takes a block that holds n bytes; at most the largest class.
func newBlock(n int) *block {
	class := 0
	for class < len(classes)-1 && classes[class] < n {
		class++
	}
	if k, ok := blocks[class].Get().(*block); ok {
		return k
	}
	return &block{class: class, b: make([]byte, 0, classes[class])}
}

// free gives k back. k may be nil.
func (k *block) free() {
	if k != nil {
		k.next, k.from, k.b = nil, 0, k.b[:0]
		blocks[k.class].Put(k)
	}
}

// bytes are what k holds; none if it is nil.
func (k *block) bytes() []byte {
	if k == nil {
		return nil
	}
	return k.b[k.from:]
}

// size is the memory that k takes.
func (k *block) size() int64 {
	if k == nil {
		return 0
	}
	return int64(cap(k.b))
}

// join returns a block that holds what k holds and p behind it; k may be nil.
func (k *block) join(p []byte) *block {
	have := k.bytes()
	if k != nil && len(k.b)+len(p) <= cap(k.b) {
		k.b = append(k.b, p...)
		return k
	}
	more := newBlock(len(have) + len(p))
	more.b = append(append(more.b, have...), p...)
	k.free()
	return more
}

// queue is output that waits, in blocks.
type queue struct {
	first, last *block
	size        int   // bytes that wait
	memory      int64 // of the blocks
}

// put copies p behind what waits. What does not fill a block takes a smaller one.
func (q *queue) put(p []byte) {
	q.size += len(p)
	for len(p) > 0 {
		if q.last == nil || len(q.last.b) == cap(q.last.b) {
			k := newBlock(len(p))
			if q.last == nil {
				q.first = k
			} else {
				q.last.next = k
			}
			q.last = k
			q.memory += k.size()
		}
		n := min(len(p), cap(q.last.b)-len(q.last.b))
		q.last.b = append(q.last.b, p[:n]...)
		p = p[n:]
	}
}

// took drops n bytes of the first block, which were sent.
func (q *queue) took(n int) {
	q.size -= n
	q.first.from += n
	if k := q.first; k.from == len(k.b) {
		if q.first = k.next; q.first == nil {
			q.last = nil
		}
		q.memory -= k.size()
		k.free()
	}
}

// drop forgets all.
func (q *queue) drop() {
	for q.first != nil {
		q.took(len(q.first.bytes()))
	}
}
