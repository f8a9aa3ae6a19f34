package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/sys"
)

// A process that dies with a million open sockets is not gone before the kernel
// has closed each of them, 10 s or more. So that Ctrl-C gives the terminal back
// at once, the run is a child process; this one passes signals on to it and
// ends as soon as the child has reported its exit status.

// timerSlack is how late sleeps of threads may end that hold no connections.
const timerSlack = time.Millisecond

// relayed is set in the child's environment.
const relayed = "C10M_RELAYED"

// The fds that the child inherits after stdin, stdout and stderr.
const (
	statusFD   = 3 // the child writes its exit status, one byte
	lifelineFD = 4 // ends when the parent does
)

// relay runs the child and returns its exit status. ok is false if there can be
// no child; then the run must do without.
func relay(args []string, stderr io.Writer) (status int, ok bool) {
	self, err := os.Executable()
	if err != nil {
		return 0, false
	}
	statusRead, statusWrite, err := os.Pipe()
	if err != nil {
		return 0, false
	}
	lifeRead, lifeWrite, err := os.Pipe()
	if err != nil {
		return 0, false
	}
	cmd := exec.Command(self, args...)
	cmd.Args[0] = os.Args[0] // by which it calls itself
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), relayed+"="+strconv.Itoa(os.Getpid()))
	cmd.ExtraFiles = []*os.File{statusWrite, lifeRead}
	if err := sys.StartSlack(cmd, timerSlack); err != nil {
		return 0, false
	}
	_ = statusWrite.Close()
	_ = lifeRead.Close()
	defer func() { _ = lifeWrite.Close() }()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, sys.EndSignals()...)
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s)
		}
	}()
	var b [1]byte
	if _, err := io.ReadFull(statusRead, b[:]); err == nil {
		return int(b[0]), true
	}
	err = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code >= 0 {
		return code, true
	}
	_, _ = fmt.Fprintf(stderr, "client: ended without a report: %v\n", err)
	return cli.Short, true
}

// isRelayed says whether this is the child of a relay, and no grandchild that
// only inherited its environment.
func isRelayed() bool { return os.Getenv(relayed) == strconv.Itoa(os.Getppid()) }

// reportStatus tells the relay the exit status.
func reportStatus(status int) {
	f := os.NewFile(statusFD, "status")
	_, _ = f.Write([]byte{byte(status)})
	_ = f.Close()
}

// withLifeline is ctx, ended also when the relay's process is.
func withLifeline(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.NewFile(lifelineFD, "lifeline"))
		cancel()
	}()
	return ctx
}
