package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/scenario"
)

// What a run is asked to do must be the same in the process that does it: nothing
// of its options may be lost on the pipe.
func TestJobSurvivesThePipe(t *testing.T) {
	for _, line := range []string{
		"hold --conns auto --cap 4.1M --rate 20k/s --hold 3s --interval 1s --keepalive 0 --reconnect --verify 7 " +
			"--window 9 --private-fds off --server-control none",
		"echo --conns 20 --rate 5k/s --connect-rate 7 --size 64:128 --depth 4 --duration 1s --rest 1s --host " +
			"127.0.0.1,127.0.0.2 --ports 10-19 --sources 127.0.1.0/29",
		"echo --proto ws --path /x --header X-A:b --header Cookie:c --subprotocol s --text --show-failure",
		"churn --mode pool --pool 3 --users 9 --first-close server --timeout 2s",
		"stress --users 3 --loops 5 --mode keepalive --requests 7 --close fin",
	} {
		j, _, err := parseJob(t.Context(), strings.Fields(line), nil)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		j.Net, j.Quiet, j.Server = true, true, &ownServer{Command: "x y", Flags: []string{"--z"}}
		j = j.with(settings{"net.core.somaxconn": "5"})
		b, err := json.Marshal(j)
		if err != nil {
			t.Fatal(err)
		}
		var back job
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(j, back) {
			t.Errorf("%s:\n%+v\nbecame\n%+v", line, j, back)
		}
	}
}

// An error of another process is the same to whoever asks what kind it is, and
// says the same.
func TestErrorsKeepTheirKind(t *testing.T) {
	for _, err := range []error{
		fmt.Errorf("%w: --sysctl net.x=y: no", scenario.ErrUsage),
		scenario.ErrInterrupted,
		errors.New("start server: it ended at once: client: bad usage: words of a server"),
	} {
		far := error(&wordedError{err.Error(), errorKinds[kindOf(err)]})
		if far.Error() != err.Error() || errors.Is(far, cli.ErrUsage) != (statusOf(err) == cli.BadUsage) ||
			errors.Is(far, scenario.ErrInterrupted) != errors.Is(err, scenario.ErrInterrupted) {
			t.Errorf("%q became %q of kind %q", err, far, kindOf(err))
		}
	}
}

// A variant of a sweep is read before anything runs.
func TestSweepRefusesWhatItsRunCannotBe(t *testing.T) {
	for args, want := range map[string]string{
		"--client-flag depth=1,0":                              "--depth 0",
		"--client-flag nonsense=1":                             "nonsense",
		"--size 64 -- hold --conns 10 --hold 1y":               "1y",
		"--server-flag workers=1 -- echo --proto tcp,ws":       "one protocol",
		"--server-flag workers=1 -- churn --matrix --users 50": "--matrix",
	} {
		var stdout, stderr strings.Builder
		if strings.Contains(args, "--matrix") && os.Geteuid() != 0 {
			continue // refused for another reason
		}
		if status := run(t.Context(), append([]string{"sweep"}, strings.Fields(args)...), &stdout, &stderr); status !=
			cli.BadUsage || !strings.Contains(stderr.String(), want) || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("sweep %s: status %d, %q; want 2, one line and %q", args, status, stderr.String(), want)
		}
	}
}
