package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/fleet"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/unit"
)

// carried are the flags whose files the coordinator of a fleet reads for its agents, which
// open none: contents travel with the job, and each agent keeps them in memory alone.
var carried = []string{"ca", "cert", "key", "lines", "message", "first"}

// files are those that flags name.
type files struct {
	// came is what came with the command line of somebody else's: an agent's. Then no file
	// is opened. nil: the command line is our own.
	came fleet.Files
	read fleet.Files // what was read here
}

// contents is what is in the file that a flag names.
func (t *target) contents(flag, name string, most int64) (string, error) {
	if t.files.came != nil {
		contents, is := t.files.came[flag]
		switch {
		case !is:
			return "", fmt.Errorf("--%s %s: agents read no files", flag, name)
		case int64(len(contents)) > most:
			return "", fmt.Errorf("--%s %s: %s, more than the %s that are legal", flag, name,
				unit.Bytes(float64(len(contents))), unit.Bytes(float64(most)))
		}
		return contents, nil
	}
	contents, err := sys.ReadFile(name, most)
	if err != nil {
		return "", fmt.Errorf("--%s %w", flag, err)
	}
	if t.fleet.agents > 0 {
		if t.files.read == nil {
			t.files.read = fleet.Files{}
		}
		t.files.read[flag] = contents
	}
	return contents, nil
}

// checkCarried refuses files that are too large to be given to every agent.
func (t *target) checkCarried() error {
	size, flags := 0, []string{}
	for _, flag := range carried {
		if contents, is := t.files.read[flag]; is {
			size, flags = size+len(contents), append(flags, "--"+flag)
		}
	}
	if size > fleet.MaxFiles {
		return fmt.Errorf("--fleet %d: %s of %s go to each agent, more than the %s that are legal", t.fleet.agents,
			unit.Bytes(float64(size)), strings.Join(flags, ", "), unit.Bytes(fleet.MaxFiles))
	}
	return nil
}

// checkCame refuses a command line of somebody else's that names a file which has not
// come with it, and files that no flag takes.
func checkCame(line []string, came fleet.Files) error {
	for name := range came {
		if !slices.Contains(carried, name) {
			return fmt.Errorf("%w: a file for --%.64q, which takes none of an agent", fleet.ErrUsage, name)
		}
	}
	flag := ""
	for _, word := range line {
		name, value, whole := strings.Cut(word, "=")
		isFlag := strings.HasPrefix(name, "--")
		if isFlag {
			flag = name[2:]
		}
		if !isFlag || !whole {
			value = word
		}
		if _, is := came[flag]; strings.HasPrefix(value, "@") && !is {
			return fmt.Errorf("%w: %.100q: agents read no files", fleet.ErrUsage, word)
		}
		if !isFlag || whole {
			flag = ""
		}
	}
	return nil
}
