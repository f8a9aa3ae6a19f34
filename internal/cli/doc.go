// Package cli is what the three programs share of a command line: commands,
// flags that are declared once, help on one screen, errors of one line with a
// suggestion, completion for shells, man pages, the version. It stands on
// spf13/cobra and its pflag, and no other package imports those.
//
// A flag is one line: what it sets and what is legal, its name, what stands for
// its value in the help, and its sentence.
//
//	f := cli.NewFlags()
//	f.Group("Ports")
//	f.Add(cli.Int(&o.ports, 200, 1, 4096), "ports", "N", "ports of each protocol")
//	p := &cli.Program{Build: cli.BuildOf(linked), Command: cli.Command{Name: "server", Flags: f, Run: run}}
//	os.Exit(p.Run(ctx, os.Args[1:], os.Stdout, os.Stderr))
//
// The package reads no environment and ends no process.
package cli
