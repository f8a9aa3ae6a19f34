package echotest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// Command is a peer that is not written in Go: a program with its first
// arguments. It is told to end by SIGTERM.
func Command(program string, first ...string) Run {
	return func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
		cmd := exec.CommandContext(ctx, program, append(first, args...)...)
		cmd.Stdout, cmd.Stderr = stdout, stderr
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = patience
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
		err := cmd.Run()
		var exit *exec.ExitError
		switch {
		case errors.As(err, &exit):
			return exit.ExitCode()
		case err != nil && !errors.Is(err, context.Canceled):
			fmt.Fprintf(stderr, "run %s: %v\n", program, err)
			return -1
		}
		return 0
	}
}
