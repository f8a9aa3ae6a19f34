// Command tuning checks, raises and restores the kernel settings that decide
// how many connections a machine holds, and plans what so many would take.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/tune"
	"github.com/c10m/c10m/internal/unit"
)

// linked is set by the linker (Makefile).
var linked string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program. It returns the exit status: 0 done, or nothing is too low; 1 not
// done, or something is; 2 bad usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return program().Run(ctx, args, stdout, stderr)
}

// pageSize is that of this machine's kernel, getconf PAGESIZE.
func pageSize() int64 { return int64(os.Getpagesize()) }

// tooManyTimes bounds --conns of apply, as a multiple of what the machine's memory holds:
// the arithmetic may be off by some of that, a typing error is off by more.
const tooManyTimes = 4

// run runs the command. An interrupt before it begins changes nothing; once it has begun
// it goes on to the end, as writing some thirty values takes milliseconds.
func (o *options) run(ctx context.Context, call *cli.Call) (int, error) {
	o.Call = call
	if err := errors.Join(o.settle(), ctx.Err()); err != nil {
		return 0, err
	}
	ok, err := o.do(ctx)
	if !ok {
		return cli.Short, err
	}
	return cli.Done, err
}

func (o *options) do(ctx context.Context) (ok bool, err error) {
	for _, word := range o.Repeated("host", "ports", "tcp", "ws", "memory", "cores", "scope", "only", "root") {
		o.target.Flags += " " + word
	}
	st := tune.Root{Dir: o.root}
	if o.command == "revert" {
		return o.revert(ctx, st, o.Stdout)
	}
	if err := o.fill(st); err != nil {
		return false, err
	}
	if err := o.target.Check(); err != nil {
		return false, cli.Usage("%v", err)
	}
	switch o.command {
	case "plan":
		return true, o.plan(o.Stdout)
	case "check":
		return o.check(st, o.Stdout)
	}
	most := tooManyTimes * max(1, o.target.Holds())
	if o.target.Conns > most && !o.dry && o.sel.Scope != tune.Namespace {
		return false, cli.Usage("--conns %d: the legal range is 1..%d, %d times what this machine's memory holds, role %s; "+
			"--dry-run shows what it would set", o.target.Conns, most, tooManyTimes, o.target.Role)
	}
	if note := o.tooMuch(); note != "" {
		_, _ = fmt.Fprintln(o.Stderr, "tuning: "+note)
	}
	return o.apply(ctx, st, o.Stdout)
}

// locked calls do as the only apply or revert of the machine. A dry run writes nothing and
// does not wait for the lock.
func (o *options) locked(ctx context.Context, do func(*tune.Store) (tune.Report, error)) (tune.Report, error) {
	store := &tune.Store{Path: o.state}
	if o.dry {
		return do(store)
	}
	unlock, err := tune.Lock(ctx, o.root, store)
	if err != nil {
		return tune.Report{}, err
	}
	defer unlock()
	return do(store)
}

func (o *options) revert(ctx context.Context, st tune.Root, stdout io.Writer) (bool, error) {
	rep, err := o.locked(ctx, func(store *tune.Store) (tune.Report, error) { return tune.Revert(st, store, o.dry) })
	if err != nil {
		return false, err
	}
	return len(rep.NotDone) == 0, tune.WriteReport(stdout, rep, o.dry)
}

// fill asks the machine for what the flags leave open.
func (o *options) fill(st tune.Root) error {
	t := &o.target
	if o.command == "plan" {
		if t.Cores == 0 {
			t.Cores = 16
		}
		if o.conns.Auto {
			o.conns.N = t.Holds()
		}
		t.Conns = o.conns.N
		if t.Memory == 0 {
			t.Memory = t.MemoryFor()
		}
		return nil
	}
	if t.Memory == 0 || t.Cores == 0 {
		memory, cores, err := st.Machine()
		if err != nil {
			return err
		}
		if t.Memory == 0 {
			t.Memory = memory
		}
		if t.Cores == 0 {
			t.Cores = cores
		}
	}
	if o.conns.Auto {
		o.conns.N = max(1, t.Holds())
		if t.Role == tune.Packets { // it is the server's memory that says how many, and that is not here
			o.conns.N = min(o.conns.N, 10_000_000)
		}
	}
	t.Conns = o.conns.N
	return nil
}

// tooMuch warns of more connections than the machine's memory holds.
func (o *options) tooMuch() string {
	if need := o.target.MemoryFor(); need > o.target.Memory {
		return fmt.Sprintf("--conns %s, role %s, needs %s and this machine has %s: it holds about %s",
			unit.Commas(o.target.Conns),
			o.target.Role, unit.Bytes(float64(need)), unit.Bytes(float64(o.target.Memory)), unit.Commas(o.target.Holds()))
	}
	return ""
}

func (o *options) check(st tune.State, stdout io.Writer) (bool, error) {
	rows := tune.Check(st, o.target, o.sel)
	tune.AddBoot(rows, o.root, st, o.target)
	ok := tune.Well(rows)
	if o.json {
		return ok, writeJSON(stdout, struct {
			Conns  int64      `json:"conns"`
			Role   tune.Role  `json:"role"`
			Memory int64      `json:"memory_bytes"`
			Cores  int        `json:"cores"`
			OK     bool       `json:"ok"`
			Note   string     `json:"note,omitempty"`
			Rows   []tune.Row `json:"settings"`
		}{o.target.Conns, o.target.Role, o.target.Memory, o.target.Cores, ok, o.tooMuch(), rows})
	}
	if err := tune.WriteCheck(stdout, rows, o.why); err != nil {
		return ok, err
	}
	verdict := "all is well"
	if !ok {
		verdict = "not all is well: sudo " + o.target.ApplyCommand()
	}
	_, err := fmt.Fprintf(stdout, "\nfor %s connections, role %s: %s\n", unit.Commas(o.target.Conns), o.target.Role,
		verdict)
	if note := o.tooMuch(); note != "" && err == nil {
		_, err = fmt.Fprintf(stdout, "note: %s\n", note)
	}
	return ok, err
}

func (o *options) apply(ctx context.Context, st tune.Root, stdout io.Writer) (bool, error) {
	applied := false
	rep, err := o.locked(ctx, func(store *tune.Store) (rep tune.Report, err error) {
		var keep tune.Keeper
		if o.state != "" {
			keep = store
		}
		if o.dry {
			rep, rep.Done = tune.Pending(tune.Check(st, o.target, o.sel))
		} else if rep, err = tune.Apply(st, o.target, o.sel, keep); err != nil {
			return rep, err
		}
		applied = true
		if !o.persist {
			return rep, nil
		}
		files, err := tune.Persist(o.root, st, o.target, store, o.dry)
		return rep.WithFiles(files), err
	})
	if err != nil && !applied {
		return false, err
	}
	return err == nil && len(rep.NotDone) == 0, errors.Join(tune.WriteReport(stdout, rep, o.dry), err)
}

func (o *options) plan(stdout io.Writer) error {
	if o.conf {
		_, err := io.WriteString(stdout, tune.SysctlConf(o.target, nil))
		return err
	}
	s, err := tune.Size(o.target, o.proto, o.dest, o.clients)
	if err != nil {
		return err
	}
	if o.json {
		return writeJSON(stdout, s)
	}
	if err := tune.WriteSizing(stdout, s); err != nil {
		return err
	}
	return tune.WriteSettings(stdout, o.target)
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
