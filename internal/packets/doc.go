// Package packets holds TCP connections without sockets: one Link is one thread's TUN
// device, with the source addresses that are routed to it and a tcp.Stack whose
// connections come from them. The kernel at the client's end keeps nothing of a
// connection, so where both ends are on one machine nearly all memory is the server's.
//
//	l, err := packets.New(packets.Config{Plan: part, Secret: secret, Events: events})
//	l.Open(slot)     // then events.Established(slot)
//	l.Write(slot, b) // then events.Data(slot, answer)
//	l.Receive(256)   // each time that l.FD() is readable
//	l.Sweep(now)     // retransmissions; now is in milliseconds
//
// A Link owns its device and the route to it; both are gone when it is closed or when
// its process dies. It sends only to the target's addresses; packets from elsewhere are
// counted and dropped. It does not decide what is sent and when: its owner renders the
// bytes of each stream, and is told what arrives (tcp.Events).
package packets
