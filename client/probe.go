package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"regexp"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/dash"
	"github.com/c10m/c10m/internal/foreign"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
)

// containerID is what may begin the id of a container.
var containerID = regexp.MustCompile(`^[0-9a-fA-F]{1,64}$`)

// probeCommand is "client probe".
func probeCommand() *cli.Command {
	var who foreign.Who
	listen := ""
	c := newCommand(cli.Command{Name: "probe", Short: "for a client elsewhere: another server's memory",
		Long: `Answers http://ADDR:PORT/footprint with what a server of this machine takes and how
many connections it holds, in the form of our own server's control endpoint, and
nothing else: it changes nothing and shows no profile. A client of another machine
asks it by --server-control, and reports the memory of both ends.`,
		Examples: []string{`client probe --pid "$(pgrep -o node)" --listen 10.0.0.5:9100`,
			"client probe --container 3f9a0c11d2e4",
			"client hold --host 10.0.0.5 --server-control http://10.0.0.5:9100"},
		Status: "0 ended by a signal, 1 it could not serve"})
	f := c.Flags
	f.Add((*pids)(&who.PIDs), "pid", "N[,N]", "processes of this machine, with their children")
	f.Add(cli.Text(&who.Cgroup, ""), "cgroup", "PATH", "a control group, with all below it")
	f.Add(cli.Text(&who.Container, ""), "container", "ID", "a container, by the beginning of its id")
	f.Add(cli.Text(&listen, "127.0.0.1:9100"), "listen", "ADDR:PORT", "where to answer")
	c.about.Run = func(ctx context.Context, call *cli.Call) (int, error) {
		c.Call = call
		if err := c.checkWho(&who); err != nil {
			return 0, err
		}
		at, err := netip.ParseAddrPort(listen)
		if err != nil {
			return 0, cli.Usage("--listen %q is not ADDRESS:PORT, like 127.0.0.1:9100", listen)
		}
		fp, err := proc.Here()
		if err != nil {
			return 0, err
		}
		s, err := foreign.Find(fp, who)
		if err != nil {
			return 0, cli.Usage("--%s: %v", c.Flags.Names()[0], err)
		}
		l, err := dash.Listen(listen)
		if err != nil {
			return 0, cli.Usage("--listen %s: %v; choose another --listen", listen, err)
		}
		defer dash.ServeReport(l, reportOf(s))()
		if bound, ok := l.Addr().(*net.TCPAddr); ok { // port 0 is any
			at = netip.AddrPortFrom(at.Addr(), uint16(bound.Port))
		}
		c.sayReady(s, at)
		<-ctx.Done()
		return cli.Done, nil
	}
	return &c.about
}

// checkWho wants one of the three ways to name a server.
func (c *command) checkWho(who *foreign.Who) error {
	n := 0
	for _, name := range []string{"pid", "cgroup", "container"} {
		if c.given(name) {
			n++
		}
	}
	if n != 1 {
		return cli.Usage("--pid N, --cgroup PATH or --container ID: one of them is needed, and no more")
	}
	if c.given("container") && !containerID.MatchString(who.Container) {
		return cli.Usage("--container %q: want the beginning of its id, hexadecimal digits like 3f9a0c11d2e4, and "+
			"no name", who.Container)
	}
	if c.given("cgroup") && who.Cgroup == "" {
		return cli.Usage("--cgroup \"\": want a path as in /proc/PID/cgroup, like /system.slice/nginx.service")
	}
	return nil
}

// reportOf is how deep the endpoint looks for whom.
func reportOf(s *foreign.Server) dash.Reporter {
	return func(d dash.Depth) (result.ServerReport, error) {
		switch d {
		case dash.Exact:
			return s.Exact()
		case dash.Resident:
			return s.Resident()
		}
		return s.Counts()
	}
}

// sayReady says what is watched, and where the answers are.
func (c *command) sayReady(s *foreign.Server, at netip.AddrPort) {
	if warning := dash.ExposedReport("--listen", at.String()); warning != "" {
		_, _ = fmt.Fprintf(c.Stderr, "warning: %s\n", warning)
	}
	ports := s.Listens()
	if ports == "" {
		_, _ = fmt.Fprintf(c.Stderr, "warning: %s listens on no TCP port so far: what it holds is counted once "+
			"it does\n", s)
		ports = "none"
	}
	_, _ = fmt.Fprintf(c.Stdout, "ready: http://%s/footprint: %s, ports %s\n", at, s, ports)
}
