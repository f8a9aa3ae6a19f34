package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// pause is for the kernel to clean up a network namespace that has ended.
const pause = 500 * time.Millisecond

// compare runs all rounds, and writes the files after each, so that an interrupted
// comparison is not lost.
func (o options) compare(ctx context.Context, progress io.Writer) error {
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	for _, program := range []string{"client", "server", "rawepoll"} {
		if _, err := built(program); err != nil {
			return err
		}
	}
	c, err := o.blank()
	if err != nil {
		return err
	}
	for round := range o.rounds {
		for _, i := range order(o.servers, round, o.rounds) {
			s := o.servers[i]
			o.one(ctx, progress, round, &c.Servers[i], "server", "--servers", s.id())
		}
		for _, i := range rotated(numbers(len(o.clients)), round, o.rounds) {
			l := o.clients[i]
			o.one(ctx, progress, round, &c.Clients[i], "client", "--clients", l.id())
		}
		c.Seconds = time.Since(c.Started).Seconds()
		sumUp(c.Servers, floor)
		sumUp(c.Clients, ours)
		if err := o.write(c); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("ended in round %d of %d: %w", round+1, o.rounds, ctx.Err())
		}
	}
	return nil
}

// blank is the comparison before its first run.
func (o options) blank() (*Comparison, error) {
	here, err := proc.Here()
	if err != nil {
		return nil, err
	}
	mem, err := here.Mem()
	if err != nil {
		return nil, err
	}
	release, err := here.Sysctl("kernel.osrelease")
	if err != nil {
		return nil, err
	}
	var nofile syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &nofile); err != nil {
		return nil, os.NewSyscallError("getrlimit", err)
	}
	c := &Comparison{Schema: schema, Started: time.Now().UTC(),
		Host: result.Host{Kernel: release, CPUs: runtime.NumCPU(), MemoryBytes: mem.Total, Nofile: nofile.Max,
			Go: runtime.Version(), Commit: commit()},
		Setup: Setup{Conns: o.conns, Ports: portsNumber, Rounds: o.rounds, EchoConns: echoConns, EchoBytes: echoBytes,
			EchoSeconds: echoFor.Seconds(), BurstBytes: burstBytes, Settle: settle.Seconds()}}
	for _, s := range o.servers {
		c.Servers = append(c.Servers, Row{Name: s.Name, Proto: s.Proto, About: s.About, Class: s.class})
	}
	for _, l := range o.clients {
		c.Clients = append(c.Clients, Row{Name: l.Name, Proto: "tcp", About: l.About, Class: l.class})
	}
	return c, nil
}

// commit is of the working tree, "" where there is no git.
func commit() string {
	b, err := exec.Command("git", "describe", "--always", "--dirty", "--abbrev=12").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// one runs one measurement in a namespace of its own (scripts/netns.sh) and
// adds it to the row.
func (o options) one(ctx context.Context, progress io.Writer, round int, row *Row, command ...string) {
	if ctx.Err() != nil {
		return
	}
	began := time.Now()
	r := o.namespaced(ctx, command)
	r.Round = round
	row.Runs = append(row.Runs, r)
	said := "measured"
	if r.Error != "" {
		said = r.Error
	}
	_, _ = fmt.Fprintf(progress, "compare: round %d of %d: %s %s (%s): %s\n", round+1, o.rounds, row.Name,
		row.Proto, unit.Time(time.Since(began)), said)
	time.Sleep(pause)
}

func (o options) namespaced(ctx context.Context, command []string) (r Run) {
	self, err := os.Executable()
	if err != nil {
		return Run{Error: err.Error()}
	}
	argv := append([]string{"--ehash", "262144", "--ports", ports, "--ports", "9090:2", "--", self}, command...)
	cmd := exec.CommandContext(ctx, "scripts/netns.sh", append(argv, "--conns", count(o.conns), "--out", o.out)...)
	var stdout bytes.Buffer
	var stderr tail
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 2 * endWithin
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = cmd.Run()
	if decodeErr := json.Unmarshal(stdout.Bytes(), &r); decodeErr != nil {
		return Run{Error: fmt.Sprintf("%v%s", errors.Join(err, decodeErr), stderr.last())}
	}
	return r
}

// write writes the three files.
func (o options) write(c *Comparison) error {
	if err := writeFile(filepath.Join(o.out, "compare.json"), c); err != nil {
		return err
	}
	d := document(c)
	for name, write := range map[string]func(io.Writer) error{"compare.md": d.WriteMarkdown, "compare.html": d.WriteHTML} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(o.out, name), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}
