package scenario

import (
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/plan"
)

// The cost is fitted up to the first peak, and the sample echoes before the last way
// down, wherever those are.
func TestWhereStagesTurn(t *testing.T) {
	for _, tt := range []struct {
		stages     string
		peak, down int
	}{
		{"5@1", 0, 1},
		{"5@1 hold=1s", 0, 2},
		{"5@1 hold=1s 0@1", 0, 2},
		{"5@1 hold=1s 3@1 0@1", 0, 2},
		{"5@1 hold=1s 9@1 hold=1s 3@1 hold=1s 20@1 0@1", 2, 7},
		{"5@1 3@1 20@1 hold=1s", 0, 4},
	} {
		list, err := plan.Stages(strings.Fields(tt.stages))
		if err != nil {
			t.Fatalf("%s: %v", tt.stages, err)
		}
		if peak, down := firstPeak(list), lastWayDown(list); peak != tt.peak || down != tt.down {
			t.Errorf("%s: peak at %d, last way down at %d, want %d and %d", tt.stages, peak, down, tt.peak, tt.down)
		}
	}
}
