package main

import (
	"flag"
	"fmt"
	"os"

	"example.org/app/internal/plan"
	"example.org/app/internal/sys"
)

func main() { fmt.Println(flag.Arg(0), plan.Name, sys.F); os.Exit(0) }
