package tcp

// Sequence numbers are compared modulo 2^32, RFC 9293 section 3.4.

// before says whether a comes before b.
func before(a, b uint32) bool { return int32(a-b) < 0 }

// within says whether low <= x < low+size.
func within(x, low, size uint32) bool { return x-low < size }
