// Package packets holds TCP connections without sockets: one Link is one
// thread's TUN device, with the source addresses that are routed to it and a
// tcp.Stack that speaks for them. The kernel at the client's end keeps nothing
// of a connection, so that on one machine all memory is the server's.
//
// A Link owns its device, its route and its addresses, and gives them up when
// it is closed, or when its process dies. It sends to the target's address and
// to no other, and what comes from elsewhere is counted and dropped. It never
// decides what is sent and when: its owner renders the bytes of each stream
// and is told what arrived (tcp.Events).
package packets
