package sys

import "runtime/debug"

// Commit is what a program was built from: what the linker was told (the
// Makefile: git describe), or else what go build itself has recorded.
func Commit(linked string) string {
	info, ok := debug.ReadBuildInfo()
	switch {
	case linked != "":
		return linked
	case !ok:
		return "unknown"
	}
	return recorded(info.Settings)
}

// recorded goes by the keys of debug.BuildSetting. A build outside of a working
// tree, or of a test, has none of them.
func recorded(settings []debug.BuildSetting) string {
	revision, dirty := "unknown", ""
	for _, s := range settings {
		switch {
		case s.Key == "vcs.revision" && s.Value != "":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	return revision + dirty
}
