package sys

import (
	"runtime/debug"
	"testing"
)

func TestCommit(t *testing.T) {
	if got := Commit("v1-3-gabc"); got != "v1-3-gabc" {
		t.Errorf("the linker's word is %q", got)
	}
	if got := Commit(""); got == "" {
		t.Error("no word at all")
	}
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"}
	for _, tt := range []struct {
		in   []debug.BuildSetting
		want string
	}{
		{nil, "unknown"},
		{[]debug.BuildSetting{{Key: "GOOS", Value: "linux"}, revision}, "0123456789ab"},
		{[]debug.BuildSetting{revision, {Key: "vcs.modified", Value: "false"}}, "0123456789ab"},
		{[]debug.BuildSetting{{Key: "vcs.modified", Value: "true"}, revision}, "0123456789ab-dirty"},
	} {
		if got := recorded(tt.in); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.in, got, tt.want)
		}
	}
}
