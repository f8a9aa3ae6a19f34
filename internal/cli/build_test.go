package cli

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestBuildOf(t *testing.T) {
	if got := BuildOf("v1-3-gabc 2026-11-28"); got != (Build{"v1-3-gabc", "2026-11-28"}) {
		t.Errorf("the linker's word is %+v", got)
	}
	if got := BuildOf(""); got.Commit == "" {
		t.Error("no word at all")
	}
	if line := (Build{"0123456789ab", "2026-11-28"}).Line("server"); !strings.HasPrefix(line,
		"c10m server "+Version+" (commit 0123456789ab of 2026-11-28, go") {
		t.Errorf("%q", line)
	}
}

func TestRecorded(t *testing.T) {
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"}
	date := debug.BuildSetting{Key: "vcs.time", Value: "2026-11-28T09:25:17Z"}
	dirty := debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	for _, tt := range []struct {
		name     string
		module   string
		settings []debug.BuildSetting
		want     Build
	}{
		{"nothing", "(devel)", nil, Build{"unknown", ""}},
		{"a working tree", "(devel)", []debug.BuildSetting{{Key: "GOOS", Value: "linux"}, revision, date},
			Build{"0123456789ab", "2026-11-28"}},
		{"with changes", "", []debug.BuildSetting{dirty, revision}, Build{"0123456789ab-dirty", ""}},
		{"go install of a commit", "v0.0.0-20261128092517-3e97aeb12345", nil, Build{"3e97aeb12345", "2026-11-28"}},
		{"after a release", "v0.2.1-0.20261128092517-3e97aeb12345", nil, Build{"3e97aeb12345", "2026-11-28"}},
		{"go install of a release", "v0.2.0", nil, Build{"unknown", ""}},
	} {
		if got := recorded(&debug.BuildInfo{Main: debug.Module{Version: tt.module}, Settings: tt.settings}); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
