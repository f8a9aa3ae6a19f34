package result

import (
	"reflect"
	"testing"
)

func TestErrorCountsTop(t *testing.T) {
	counts := ErrorCounts{"connect_refused": 7, "read_reset": 9, "echo_timeout": 7, "socket_other": 1}
	all := []ErrorCount{{"read_reset", 9}, {"connect_refused", 7}, {"echo_timeout", 7}, {"socket_other", 1}}
	tests := []struct {
		name string
		in   ErrorCounts
		n    int
		want []ErrorCount
	}{
		{"all", counts, 0, all},
		{"more than there are", counts, 9, all},
		{"first two, equal ones by name", counts, 2, all[:2]},
		{"none", nil, 3, []ErrorCount{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.in.Top(tt.n); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Top(%d) = %v, want %v", tt.n, got, tt.want)
			}
		})
	}
}

func TestErrorCountsAddSumPlus(t *testing.T) {
	var e ErrorCounts
	e.Add("read_closed", 0)
	if e != nil {
		t.Errorf("adding nothing left %v, want nil: what did not happen is absent", e)
	}
	e.Add("read_closed", 2)
	e.Add("read_closed", 3)
	f := ErrorCounts{"read_reset": 4, "read_closed": 1}
	if got, want := e.Plus(f), (ErrorCounts{"read_closed": 6, "read_reset": 4}); !reflect.DeepEqual(got, want) {
		t.Errorf("Plus = %v, want %v", got, want)
	}
	if e.Sum() != 5 || f.Sum() != 5 {
		t.Errorf("Plus changed its operands: %v, %v", e, f)
	}
	if got := ErrorCounts(nil).Plus(nil); got != nil {
		t.Errorf("nil plus nil = %v, want nil", got)
	}
	if got := ErrorCounts(nil).Plus(f); !reflect.DeepEqual(got, f) {
		t.Errorf("nil plus %v = %v", f, got)
	}
}
