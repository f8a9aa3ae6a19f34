package sys

import (
	"os"
	"os/signal"
	"syscall"
)

// EndSignals are the signals that end a program in good order: SIGINT, SIGTERM,
// and SIGHUP, which comes when the terminal goes away. Who has started the
// program with SIGHUP ignored, as nohup(1) does, wants it to survive that:
// listening for it would undo the nohup, so it is left out then. To be called
// before anything listens for SIGHUP.
func EndSignals() []os.Signal {
	all := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	return all
}
