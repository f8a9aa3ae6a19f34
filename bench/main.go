// Command bench measures servers and clients side by side with one harness: each
// server in a network namespace of its own, driven by bin/client, in rounds of
// rotated order; and it writes the tables and plots of RESULTS.md. Run it from
// the repository's root: make compare, make bench, make results.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

const usage = `usage: bench [run] [flags]       measure, and write compare.json, compare.md and compare.html
       bench results             write the generated parts of RESULTS.md from results/
       bench tables DIRECTORY    print the tables of what scripts/bench.sh has measured

  --conns N        connections of each server (default 15000: one process holds them below a limit of 20,000 files)
  --rounds N       (default 3)
  --servers LIST   ids, separated by commas; default all, see --list; "none"
  --clients LIST   likewise
  --out DIRECTORY  (default out/compare)
  --list           print the ids and what each is
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// errUsage marks bad usage: exit status 2.
var errUsage = errors.New("bad usage")

// run is the whole program: 0; 1 when something could not be measured or
// written; 2 on bad usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "tables" {
		return exit(printTables(args[1:], stdout), stderr)
	}
	command := "run"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, args = args[0], args[1:]
	}
	o, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, _ = io.WriteString(stdout, usage)
		return 0
	case err != nil:
	case o.list:
		list(stdout)
		return 0
	case command == "run":
		err = o.compare(ctx, stderr)
	case command == "server":
		err = o.measureServer(ctx, stdout)
	case command == "client":
		err = o.measureClient(ctx, stdout)
	case command == "results":
		err = writeResults(".")
	default:
		err = fmt.Errorf("%w: command %q: the legal ones are run, results, tables", errUsage, command)
	}
	return exit(err, stderr)
}

// exit prints the one line of an error and gives its exit status.
func exit(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	_, _ = fmt.Fprintf(stderr, "bench: %v\n", err)
	if errors.Is(err, errUsage) {
		return 2
	}
	return 1
}

// printTables is `bench tables`.
func printTables(args []string, w io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("%w: tables takes one DIRECTORY, not %d", errUsage, len(args))
	}
	return tables{dir: args[0], w: w}.write()
}

// options are the flags, checked.
type options struct {
	conns   int64
	rounds  int
	servers []server
	clients []loader
	out     string
	list    bool
}

func parse(args []string) (o options, err error) {
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Int64Var(&o.conns, "conns", 15000, "")
	fs.IntVar(&o.rounds, "rounds", 3, "")
	fs.StringVar(&o.out, "out", "out/compare", "")
	fs.BoolVar(&o.list, "list", false, "")
	chosenServers := fs.String("servers", "all", "")
	chosenClients := fs.String("clients", "all", "")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return o, err
	} else if err != nil {
		return o, fmt.Errorf("%w: %v", errUsage, err)
	}
	switch {
	case fs.NArg() > 0:
		return o, fmt.Errorf("%w: unexpected argument %q", errUsage, fs.Arg(0))
	case o.conns < 1000 || o.conns > 1_000_000:
		return o, fmt.Errorf("%w: --conns %d: the legal range is 1000..1000000", errUsage, o.conns)
	case o.rounds < 1 || o.rounds > 99:
		return o, fmt.Errorf("%w: --rounds %d: the legal range is 1..99", errUsage, o.rounds)
	}
	if o.servers, err = choose(*chosenServers, servers, server.id); err != nil {
		return o, fmt.Errorf("%w: --servers: %v", errUsage, err)
	}
	if o.clients, err = choose(*chosenClients, loaders, loader.id); err != nil {
		return o, fmt.Errorf("%w: --clients: %v", errUsage, err)
	}
	return o, nil
}

// choose picks the named ones, in the order of all.
func choose[T any](names string, all []T, id func(T) string) (chosen []T, err error) {
	switch names {
	case "all":
		return all, nil
	case "none":
		return nil, nil
	}
	wanted, legal := map[string]bool{}, []string{}
	for _, name := range strings.Split(names, ",") {
		wanted[name] = true
	}
	for _, one := range all {
		legal = append(legal, id(one))
		if wanted[id(one)] {
			chosen = append(chosen, one)
			delete(wanted, id(one))
		}
	}
	if unknown := slices.Sorted(maps.Keys(wanted)); len(unknown) > 0 {
		return nil, fmt.Errorf("%q: the legal ones are %s", unknown[0], strings.Join(legal, ", "))
	}
	return chosen, nil
}

func list(w io.Writer) {
	for _, s := range servers {
		_, _ = fmt.Fprintf(w, "server %-22s %s\n", s.id(), s.About)
	}
	for _, l := range loaders {
		_, _ = fmt.Fprintf(w, "client %-22s %s\n", l.id(), l.About)
	}
}

// measureServer is one run, in a namespace of its own; it prints it as JSON.
func (o options) measureServer(ctx context.Context, stdout io.Writer) error {
	if len(o.servers) != 1 {
		return fmt.Errorf("%w: server: want --servers with one id", errUsage)
	}
	f, err := measure(ctx, o.servers[0], o.conns, o.out)
	return print(stdout, f, err)
}

func print(w io.Writer, f *Figures, err error) error {
	r := Run{Figures: f}
	if err != nil {
		r.Error = err.Error()
	}
	return json.NewEncoder(w).Encode(r)
}
