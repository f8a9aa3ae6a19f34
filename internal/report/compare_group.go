package report

import (
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/result"
)

// The ways to find repetitions of a run among files.
const (
	GroupAuto = "auto" // GroupName, if the runs asked for the same and two groups remain
	GroupNone = "none" // each file for itself
	GroupName = "name" // a1.json a2.json a-3.json are all "a"
	GroupDir  = "dir"  // the files of a directory
)

// GroupWays are the legal ways.
var GroupWays = []string{GroupAuto, GroupNone, GroupName, GroupDir}

// GroupRuns sorts runs into groups, in the order of their first files. Groups
// are shown by the last part of their names where that tells them apart.
func GroupRuns(way string, files []string, runs []*result.Result) []Group {
	switch way {
	case GroupName:
		return shortNames(collect(files, runs, stem))
	case GroupDir:
		return shortNames(collect(files, runs, filepath.Dir))
	case GroupAuto:
		groups := collect(files, runs, stem)
		alike := !slices.ContainsFunc(groups, func(g Group) bool { return !sameAsked(g.Runs) })
		if len(groups) > 1 && alike {
			return shortNames(groups)
		}
	}
	var groups []Group
	for i, file := range files {
		groups = append(groups, Group{strings.TrimSuffix(file, ".json"), files[i : i+1], runs[i : i+1]})
	}
	return shortNames(groups)
}

var numbered = regexp.MustCompile(`[-_.]?[0-9]+$`)

// stem is a file's name without its ending and number.
func stem(file string) string {
	name := strings.TrimSuffix(file, filepath.Ext(file))
	if short := numbered.ReplaceAllString(filepath.Base(name), ""); short != "" {
		return filepath.Join(filepath.Dir(name), short)
	}
	return name
}

// sameAsked says whether runs asked for the same. What auto decided may differ.
func sameAsked(runs []*result.Result) bool {
	asked := func(r *result.Result) result.Plan {
		p := r.Plan
		p.Threads, p.FDTables, p.Sources = 0, 0, 0
		if p.LimitedBy != "" {
			p.Conns, p.LimitedBy = 0, "auto"
		}
		return p
	}
	for _, r := range runs[1:] {
		if r.Scenario != runs[0].Scenario || spoken(r) != spoken(runs[0]) ||
			r.ServerEngine != runs[0].ServerEngine || !reflect.DeepEqual(asked(r), asked(runs[0])) {
			return false
		}
	}
	return true
}

// collect groups by the name that of gives a file.
func collect(files []string, runs []*result.Result, of func(string) string) (groups []Group) {
	for i, file := range files {
		name := of(file)
		at := slices.IndexFunc(groups, func(g Group) bool { return g.Name == name })
		if at < 0 {
			groups, at = append(groups, Group{Name: name}), len(groups)
		}
		groups[at].Files, groups[at].Runs = append(groups[at].Files, file), append(groups[at].Runs, runs[i])
	}
	return groups
}

// shortNames drops the directories, unless two groups would look the same.
func shortNames(groups []Group) []Group {
	seen := map[string]bool{}
	for _, g := range groups {
		if seen[filepath.Base(g.Name)] {
			return groups
		}
		seen[filepath.Base(g.Name)] = true
	}
	for i := range groups {
		groups[i].Name = filepath.Base(groups[i].Name)
	}
	return groups
}
