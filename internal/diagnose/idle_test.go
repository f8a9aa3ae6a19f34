package diagnose

import (
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
)

// What closes the silent is named, with an --interval that can be typed.
func TestIdleTimeoutFinding(t *testing.T) {
	w := &Window{Conns: result.Conns{Established: 2000, Lost: 2000, IdleTimeout: 2e9,
		Idle: &result.Idle{Count: 2000, From: 2e9, To: 2.4e9, Seconds: 12}}}
	found := Find(*w)
	if len(found) == 0 || found[0].Code != IdleTimeout {
		t.Fatalf("found %+v, want the idle timeout first", found)
	}
	if f := report.Finding(found[0]); !strings.HasPrefix(f.Cure, "--interval 1s sends") ||
		!strings.Contains(f.Evidence, "2,000 of 2,000") {
		t.Errorf("%+v", f)
	}
	w.Conns.IdleTimeout = 0
	if found := idleTimeout(w); found != nil {
		t.Errorf("found %+v of losses that were no timeout", found)
	}
}
