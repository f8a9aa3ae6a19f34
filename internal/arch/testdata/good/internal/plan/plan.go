package plan

import (
	"fmt"
	"net/netip"

	"example.org/frames"
)

// Name is pure.
func Name(a netip.Addr) string { return fmt.Sprint(a, frames.N) }
