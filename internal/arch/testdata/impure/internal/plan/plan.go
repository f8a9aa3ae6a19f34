package plan

import (
	_ "net/netip"
	_ "os"
	_ "syscall"
)
