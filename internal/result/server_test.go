package result

import "testing"

// TestGrown: what is shared with another process of the program does not count, where
// the kernel tells it apart; an older file and another user's process have only PSS.
func TestGrown(t *testing.T) {
	for _, tt := range []struct {
		memory ProcMemory
		want   uint64
	}{
		{ProcMemory{RSS: 30, PSS: 20, Private: 15, Anon: 12}, 12},
		{ProcMemory{RSS: 30, PSS: 26, Private: 25, Anon: 12}, 12}, // the other process has ended
		{ProcMemory{RSS: 30, PSS: 20, Private: 15}, 20},
	} {
		if got := tt.memory.Grown(); got != tt.want {
			t.Errorf("%+v: %d, want %d", tt.memory, got, tt.want)
		}
	}
}
