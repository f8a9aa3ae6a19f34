package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/tune"
	"github.com/c10m/c10m/internal/unit"
)

// isolatedNet is set in the environment of a run that has a network namespace
// of its own. Settings are changed only there; they end with it.
const isolatedNet = "C10M_OWN_NETNS"

// isIsolated says whether this process is such a run, or was started by one.
func isIsolated() bool { return os.Getenv(isolatedNet) != "" }

// settings are sysctls of the network namespace that a run wants.
type settings map[string]string

func (s settings) String() string { return "" }

// Set takes KEY=VALUE.
func (s settings) Set(text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok || value == "" || !strings.HasPrefix(key, "net.") || strings.Contains(key, "/") || strings.Contains(key, "..") {
		return fmt.Errorf("want KEY=VALUE with a setting of the network, like net.ipv4.tcp_tw_reuse=1")
	}
	s[key] = value
	return nil
}

// needRoot refuses what only root can have, and says what else helps.
func needRoot(flag string) error {
	if os.Geteuid() == 0 {
		return nil
	}
	return fmt.Errorf("%s: settings of the network are changed only in a network namespace of the run's own, and making one needs root: use sudo, or set them yourself (sysctl -w) and leave the flag out", flag)
}

// isolate runs this command again in a network namespace of its own and returns
// its exit status.
func isolate(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cmd, err := isolated(ctx, args)
	if err != nil {
		return fail(stderr, err)
	}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return done
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return exit.ExitCode()
	case ctx.Err() != nil: // before it could listen to signals
		return fail(stderr, scenario.ErrInterrupted)
	}
	return fail(stderr, fmt.Errorf("run in a network namespace: %w", err))
}

// isolated is the command that isolate runs.
func isolated(ctx context.Context, args []string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own binary: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), isolatedNet+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: sys.NewNetwork}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd, nil
}

// settle prepares the namespace that we are in: it brings lo up and makes the
// settings.
func (s settings) settle() error {
	if err := sys.LoopbackUp(); err != nil {
		return err
	}
	state := tune.Root{Dir: "/"}
	for key, value := range s {
		if err := state.Set(key, value); err != nil {
			return fmt.Errorf("%w: --sysctl %s=%s: %v", scenario.ErrUsage, key, value, err)
		}
	}
	return nil
}

// startOwn starts a server for a run: command, or ours with the flags.
func startOwn(ctx context.Context, t *target, command string, flags ...string) (*scenario.Server, error) {
	argv, ready := strings.Fields(command), ""
	if command == "" {
		ready = scenario.Ready
		port, err := scenario.FreePort()
		if err != nil {
			return nil, err
		}
		control := fmt.Sprintf("127.0.0.1:%d", port)
		if argv, err = scenario.OwnServer(t.Options, control, flags...); err != nil {
			return nil, err
		}
		t.Control = "http://" + control
	} else if t.Control == "auto" {
		t.Control = "none"
	}
	if len(argv) == 0 {
		return nil, fmt.Errorf("%w: --server %q is empty", scenario.ErrUsage, command)
	}
	return scenario.StartServer(ctx, argv, ready, t.Host, t.Ports)
}

// maxConns is a --max-conns for a server that is to hold n connections and have
// some to spare.
func maxConns(n int64) string { return fmt.Sprint(n + n/4 + 1000) }

// parsePorts reads FIRST-LAST for net.ipv4.ip_local_port_range. A colon between
// the two is taken as well: here it parts the first from the last, as the setting
// itself has them.
func parsePorts(s string) (string, error) {
	var p unit.Ports
	if err := p.Set(strings.Replace(s, ":", "-", 1)); err != nil || p.N == 0 {
		return "", fmt.Errorf("--port-range %q: want FIRST-LAST within 1..65535, like 30000-59999", s)
	}
	if p.N-1 > 65535-1024 && p.First < 1024 {
		return "", fmt.Errorf("--port-range %q: at most 1024-65535", s)
	}
	return fmt.Sprintf("%d\t%d", p.First, p.Last()), nil
}

// overlaps refuses listening ports that connections could take as local ones.
func overlaps(portRange string, ranges []unit.Ports) error {
	var first, last int
	_, _ = fmt.Sscan(portRange, &first, &last)
	for _, r := range ranges {
		if r.Overlaps(unit.Ports{First: first, N: last - first + 1}) {
			return fmt.Errorf("--port-range %d:%d holds ports to connect to, %s: choose --first-port outside", first, last, r.String())
		}
	}
	return nil
}

// errElsewhere says that another process does the work and reports it.
var errElsewhere = errors.New("done by another process")

// resultOf is for short.
type resultOf = result.Result

// runAgain runs a command of this program in a network namespace of its own and
// reads its result, which it must write to its stdout. A run that fell short has
// a result, too.
func runAgain(ctx context.Context, name string, flags []string) (r *result.Result, short bool, err error) {
	cmd, err := isolated(ctx, append([]string{name}, flags...))
	if err != nil {
		return nil, false, err
	}
	return resultOfCommand(cmd)
}

// resultOfCommand reads the result that a command of this program writes to its
// stdout, and whether its status says that it fell short.
func resultOfCommand(cmd *exec.Cmd) (r *result.Result, short bool, err error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	r, bad := result.Read(&stdout)
	if bad == nil {
		return r, err != nil, nil
	}
	if err == nil {
		return nil, false, bad
	}
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	said, ours := strings.CutPrefix(lines[len(lines)-1], "client: ")
	if usage, is := strings.CutPrefix(said, scenario.ErrUsage.Error()+": "); is {
		return nil, false, fmt.Errorf("%w: %s", scenario.ErrUsage, usage)
	}
	if ours {
		return nil, false, errors.New(said)
	}
	return nil, false, fmt.Errorf("%w: %s", err, said)
}

// without leaves flags out of a command line, with their values; those of type
// bool have none.
func without(args []string, names ...string) (rest []string) {
	for i := 0; i < len(args); i++ {
		name, _, hasValue := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		if !strings.HasPrefix(args[i], "-") || !slices.Contains(names, name) {
			rest = append(rest, args[i])
			continue
		}
		if !hasValue && name != "matrix" && name != "quiet" {
			i++
		}
	}
	return rest
}

// loopback is where servers of our own listen.
var loopback = netip.MustParseAddr("127.0.0.1")

// again runs a command of this program where we are and reads its result.
func again(ctx context.Context, args []string) (r *result.Result, short bool, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, false, fmt.Errorf("find own binary: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return resultOfCommand(cmd)
}
