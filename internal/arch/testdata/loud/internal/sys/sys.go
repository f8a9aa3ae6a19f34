package sys

import (
	"flag"
	"fmt"
	system "os"
)

// N reads a flag and the environment, prints, and exits.
func N() {
	fmt.Fprintln(system.Stderr, *flag.Int("n", 0, ""), system.Getenv("N"))
	system.Exit(1)
}
