// Package peer is what the servers in Go share: the command line, the line "ready", and the
// end by a signal, so that each server's own file shows only how its library is used.
package peer

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/c10m/c10m/internal/unit"
)

// Serve echoes on all of addrs until ctx ends. It calls ready, once, as soon as
// they all accept.
type Serve func(ctx context.Context, addrs []netip.AddrPort, ready func()) error

// Server is one peer.
type Server struct {
	Name    string
	TCP, WS Serve // nil: the peer does not speak it
}

// Main runs the peer as a program: SIGINT and SIGTERM end it with status 0.
func (s Server) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(s.Run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Run serves until ctx ends: 0; 1 when it cannot, 2 on bad usage.
func (s Server) Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	ip, jobs, err := s.parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(stdout, s.usage())
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "%s: %v; %s\n", s.Name, err, s.usage())
		return 2
	}
	if err := serveAll(ctx, ip, jobs, func() { fmt.Fprintf(stdout, "ready %s%s\n", s.Name, describe(jobs)) }); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", s.Name, err)
		return 1
	}
	return 0
}

// job is serving one protocol on its ports.
type job struct {
	proto string
	serve Serve
	ports unit.Ports
}

func (s Server) usage() string {
	flags := ""
	for _, j := range s.offers() {
		flags += fmt.Sprintf(" [--%s FIRST:COUNT]", j.proto)
	}
	return "usage: " + s.Name + flags + " [--bind ADDRESS]"
}

// offers are the protocols the peer speaks, with the ports they have unless the
// command line says otherwise.
func (s Server) offers() (all []job) {
	if s.TCP != nil {
		all = append(all, job{"tcp", s.TCP, unit.Ports{First: 10000, N: 200}})
	}
	if s.WS != nil {
		all = append(all, job{"ws", s.WS, unit.Ports{First: 15000, N: 200}})
	}
	return all
}

// parse returns the address and the jobs: those whose flags are given, or all that the
// server offers if none is.
func (s Server) parse(args []string) (ip netip.Addr, jobs []job, err error) {
	offers := s.offers()
	fs := flag.NewFlagSet(s.Name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	bind := fs.String("bind", "127.0.0.1", "")
	for i := range offers {
		fs.Var(&offers[i].ports, offers[i].proto, "")
	}
	if err := fs.Parse(args); err != nil {
		return ip, nil, err
	}
	if fs.NArg() > 0 {
		return ip, nil, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if ip, err = netip.ParseAddr(*bind); err != nil {
		return ip, nil, fmt.Errorf("--bind %q is not an IP address", *bind)
	}
	asked := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { asked[f.Name] = true })
	for _, o := range offers {
		if asked[o.proto] || !asked["tcp"] && !asked["ws"] {
			jobs = append(jobs, o)
		}
	}
	return ip, jobs, nil
}

func describe(jobs []job) string {
	var b strings.Builder
	for _, j := range jobs {
		fmt.Fprintf(&b, " %s %s", j.proto, &j.ports)
	}
	return b.String()
}

// serveAll runs all jobs; when one fails, all end.
func serveAll(ctx context.Context, ip netip.Addr, jobs []job, ready func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var up sync.WaitGroup
	up.Add(len(jobs))
	ended := make(chan error, len(jobs))
	for _, j := range jobs {
		go func() { ended <- j.serve(ctx, j.ports.On(ip), up.Done) }()
	}
	all := make(chan struct{})
	go func() { up.Wait(); close(all) }()
	var first error
	for left := len(jobs); left > 0; {
		select {
		case <-all:
			ready()
			all = nil
		case err := <-ended:
			left--
			if err != nil && first == nil {
				first = err
				cancel()
			}
		}
	}
	return first
}
