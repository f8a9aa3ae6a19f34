package cli

import (
	"fmt"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
)

// Version is the release that this source is, or becomes.
const Version = "0.2.0"

// Build is what a program was made from.
type Build struct {
	Commit string // "unknown" where nothing is known
	Date   string // of the commit, 2026-11-28; "" where it is not known
}

// BuildOf is what the linker was told (the Makefile: "COMMIT DATE"), or else what the
// go command itself has recorded: of a working tree (go build), or of a module's
// version (go install MODULE@VERSION).
func BuildOf(linked string) Build {
	b := Build{Commit: "unknown"}
	if info, ok := debug.ReadBuildInfo(); ok {
		b = recorded(info)
	}
	if linked != "" {
		b.Commit, b.Date, _ = strings.Cut(linked, " ")
	}
	return b
}

// pseudoVersion ends with the time and the commit, see "Pseudo-versions" in the
// Go modules reference: v0.0.0-20261128092517-3e97aeb1abcd.
var pseudoVersion = regexp.MustCompile(`[-.](\d{4})(\d{2})(\d{2})\d{6}-([0-9a-f]{12})(\+\w+)?$`)

// recorded goes by the keys of debug.BuildSetting, and by the version of the
// main module. A build outside of both, or of a test, has neither.
func recorded(info *debug.BuildInfo) Build {
	b := Build{Commit: "unknown"}
	if m := pseudoVersion.FindStringSubmatch(info.Main.Version); m != nil {
		b = Build{Commit: m[4], Date: m[1] + "-" + m[2] + "-" + m[3]}
	}
	dirty := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && s.Value != "":
			b.Commit = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.time" && len(s.Value) >= 10:
			b.Date = s.Value[:10]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	b.Commit += dirty
	return b
}

// Line is what --version prints.
func (b Build) Line(program string) string {
	of := b.Commit
	if b.Date != "" {
		of += " of " + b.Date
	}
	return fmt.Sprintf("c10m %s %s (commit %s, %s)", program, Version, of, runtime.Version())
}
