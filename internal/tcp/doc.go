// Package tcp is the client's own TCP, RFC 9293: segments in, segments out,
// time as a number. It opens no socket, reads no clock and starts no goroutine;
// who owns the packets (a TUN device, a test) hands segments in and is handed
// those to send.
//
// A Stack holds one thread's connections by slot. An idle connection is 12
// bytes of a flat array without pointers; what a connection needs beside that
// while something is under way (a handshake, unacknowledged data, a FIN) is
// taken from a pool and given back. Nothing that was sent is kept: the owner
// says how many bytes of its stream are ready, and renders any range of them
// again when a segment is to be repeated.
//
//	s := tcp.New(tcp.Config{Output: out, Events: app, ISN: isn}, make([]tcp.Conn, n))
//	s.Open(slot)              // sends SYN; app.Established follows
//	s.Send(slot, 64)          // bytes 0..63 of the slot's stream are ready
//	s.Input(slot, segment)    // what the network brought; app.Data follows
//	s.Flush()                 // acknowledge what was taken since the last Flush
//	s.Sweep(now)              // retransmissions, probes
//
// What it has: the active open with MSS, simultaneous open and close, both
// halves of a close, retransmission with back-off and Karn's rule (RFC 6298),
// fast retransmit (RFC 5681), zero-window probes, silly-window avoidance, the
// checks and challenge ACKs of RFC 5961, answers to keepalive probes, ICMP
// errors as RFC 5927 wants them taken, path MTU.
//
// What it leaves out, and why:
//   - Window scale, timestamps and selective acknowledgement: each would cost
//     bytes per connection, and a window of 65,535 bytes is enough for messages.
//   - Reassembly: a segment beyond a gap is dropped and answered with an
//     acknowledgement of what is there, so the peer sends it again.
//   - The passive open: nobody listens here. Conn and Stack are no different
//     for it; a SYN for a closed slot is answered with RST today.
//   - Estimates per connection: all connections of a Stack go to one server, so
//     they share one round-trip estimate and one path MTU, as RFC 9040 has it.
package tcp
