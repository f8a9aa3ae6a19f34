package scenario

import (
	"errors"

	"github.com/c10m/c10m/internal/result"
)

// ErrUsage marks what the command line asks for and cannot be: exit status 2.
var ErrUsage = errors.New("usage")

// ErrInterrupted is an interrupt before there was anything to report: exit status
// 130.
var ErrInterrupted = errors.New("interrupted")

// usage is an ErrUsage, told by its code and its facts.
func usage(what result.Warning) error { return &result.Fault{What: what, Err: ErrUsage} }

// fault is what follows from an error; of nil it stands for itself.
func fault(what result.Warning, err error) error {
	if err != nil {
		what = what.Because(err)
	}
	return &result.Fault{What: what, Err: err}
}
