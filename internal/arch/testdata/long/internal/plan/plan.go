package plan

type T struct{}

// Long is one line too long.
func Long() {
	_ = 1
	_ = 2
	_ = 3
	_ = 4
}

// Long too.
func (*T) Long() {
	_ = 1
	_ = 2
	_ = 3
	_ = 4
}

var _ = T{}
