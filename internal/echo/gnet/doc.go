// Package gnet is the default engine of the echo server, over
// github.com/panjf2000/gnet: it accepts and reads, package echo decides. It is
// the only room that imports gnet.
//
// gnet cannot stop reading from a connection, nor keep one whose peer has ended
// its half, nor say when a socket takes bytes again. So it serves those that keep
// up, and a connection whose peer does not take its echo at once leaves it: its
// socket lives on under another fd in a lane, a small event loop of our own beside
// each of gnet's (lane.go).
package gnet
