package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/proc"
)

// loader is a client that is compared: it opens N TCP connections to the raw epoll server
// and holds them until it is ended.
type loader struct {
	Name  string
	About string
	argv  func(conns int64, dir string) ([]string, error)
	class class
}

// loaders are all clients. wrk is not among them: it speaks HTTP, and takes the
// echo of its request for a broken answer.
var loaders = []loader{
	{"Go net", "net of this Go, goroutine and 4 KiB buffer a connection; bench/peers/gonetclient", goNetClient, other},
	{"tsung", "1.7.0 of Debian 12 on OTP 25, one VM, ts_raw; its example raw.xml", tsung, other},
	{"c10m", "bin/client hold; this repository", ourClient, ours},
}

func (l loader) id() string { return strings.ToLower(strings.ReplaceAll(l.Name, " ", "-")) }

func goNetClient(conns int64, _ string) ([]string, error) {
	program, err := built("gonetclient")
	return []string{program, "--conns", count(conns), "--tcp", ports}, err
}

func ourClient(conns int64, _ string) ([]string, error) {
	program, err := built("client")
	return []string{program, "hold", "--conns", count(conns), "--first-port", count(firstPort), "--ports",
		count(portsNumber),
		"--hold", "10m", "--settle", "0s", "--verify", "0", "--server-control", "none", "--quiet"}, err
}

// tsungRate is more users a second than tsung starts here: it goes as fast as it can.
const tsungRate = 50_000

// tsung writes its configuration: each user sends one message and thinks. It
// needs epmd beside it, which it would leave running if it started it itself.
func tsung(conns int64, dir string) ([]string, error) {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?>
<!DOCTYPE tsung SYSTEM "/usr/share/tsung/tsung-1.0.dtd">
<tsung loglevel="notice">
 <clients><client host="localhost" use_controller_vm="true" maxusers="60000"/></clients>
 <servers>
`)
	for port := range portsNumber {
		fmt.Fprintf(&b, "  <server host=\"127.0.0.1\" port=\"%d\" type=\"tcp\"/>\n", firstPort+port)
	}
	fmt.Fprintf(&b, ` </servers>
 <load><arrivalphase phase="1" duration="10" unit="minute"><users maxnumber="%d" arrivalrate="%d" unit="second"/></arrivalphase></load>
 <sessions>
  <session name="hold" probability="100" type="ts_raw">
   <request><raw data="hello" ack="local"/></request>
   <thinktime value="600"/>
  </session>
 </sessions>
</tsung>
`, conns, tsungRate)
	home, err := filepath.Abs(filepath.Join(dir, "tsung"))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, err
	}
	file := filepath.Join(home, "hold.xml")
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		return nil, err
	}
	return []string{"sh", "-c", `epmd & export HOME=$1; exec tsung -n -f "$2" -l "$1" start`, "tsung", home, file}, nil
}

// few is the smaller of the two numbers of connections at which a client's memory is
// measured: in the difference what it takes without connections cancels out.
const few = 1000

// load is one client at one number of connections.
type load struct {
	seconds float64 // from the first connection that the server accepted to the last
	pss     uint64  // of the client's processes once it had settled, bytes
}

// measureClient is one run of one client: few connections, then all of them.
func (o options) measureClient(ctx context.Context, stdout io.Writer) error {
	if len(o.clients) != 1 || o.conns <= few {
		return fmt.Errorf("%w: client: want --clients with one id, and --conns above %d", errUsage, few)
	}
	f, err := compareLoads(ctx, o.clients[0], o.conns, o.out)
	return print(stdout, f, err)
}

func compareLoads(ctx context.Context, l loader, conns int64, dir string) (*Figures, error) {
	small, err := hold(ctx, l, few, dir)
	if err != nil {
		return nil, fmt.Errorf("%d connections: %w", few, err)
	}
	big, err := hold(ctx, l, conns, dir)
	if err != nil {
		return nil, fmt.Errorf("%d connections: %w", conns, err)
	}
	rate := float64(conns) / big.seconds
	user := (float64(big.pss) - float64(small.pss)) / float64(conns-few)
	return &Figures{Established: conns, SetupRate: &rate, User: &user}, nil
}

// holdWithin bounds how long a client may take to open its connections.
const holdWithin = 2 * time.Minute

// clientSettle is the time from when everything is open until memory is measured.
const clientSettle = 2 * time.Second

// hold has the client open its connections to a new raw epoll server.
func hold(ctx context.Context, l loader, conns int64, dir string) (load, error) {
	target, err := find("raw-epoll-tcp")
	if err != nil {
		return load{}, err
	}
	to, err := serve(target.command())
	if err != nil {
		return load{}, err
	}
	defer func() { _ = to.stop() }()
	here, err := proc.Here()
	if err != nil {
		return load{}, err
	}
	o, err := newObserver(here, to)
	if err != nil {
		return load{}, err
	}
	argv, err := l.argv(conns, dir)
	if err != nil {
		return load{}, err
	}
	sub, err := launch(argv, io.Discard)
	if err != nil {
		return load{}, err
	}
	defer sub.kill()
	ctx, cancel := context.WithTimeout(ctx, holdWithin)
	defer cancel()
	out := load{}
	if out.seconds, err = ramp(ctx, sub, o, conns); err != nil {
		return load{}, err
	}
	time.Sleep(clientSettle)
	p, err := here.Process(sub.pids()...)
	out.pss = p.PSS
	return out, err
}

// ramp waits until the server has accepted all connections, and returns the seconds since
// the first.
func ramp(ctx context.Context, sub *subject, o *observer, conns int64) (float64, error) {
	var first time.Time
	for {
		now, open := time.Now(), o.open()
		if first.IsZero() && open > 0 {
			first = now
		}
		if open >= conns {
			return now.Sub(first).Seconds(), nil
		}
		if err := sub.alive(); err != nil {
			return 0, fmt.Errorf("%d connections open: %w", open, err)
		}
		if ctx.Err() != nil {
			return 0, fmt.Errorf("%d connections open after %v%s", open, holdWithin, sub.stderr.last())
		}
		time.Sleep(time.Millisecond)
	}
}
