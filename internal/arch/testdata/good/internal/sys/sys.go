package sys

import (
	"os"

	"example.org/app/internal/plan"
	"example.org/kernel/deep"
)

type exit struct{}

func (exit) Exit() {}

// F uses what it may; a method that is called Exit is not os.Exit.
func F() (*plan.Plan, error) { os := os.Remove; exit{}.Exit(); return nil, deep.Call(os) }
