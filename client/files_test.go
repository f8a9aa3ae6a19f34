package main

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/fleet"
	"github.com/c10m/c10m/internal/plan"
)

// What a coordinator has read is what its agents do, without a file of theirs.
func TestAgentsGetFiles(t *testing.T) {
	cert, key, _, _ := pemFiles(t)
	dir := t.TempDir()
	file := func(name, contents string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(contents), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	words := []string{"hold", "wss://127.0.0.1:7/{line}", "--fleet", "2", "--conns", "10", "--ca", cert, "--cert=" + cert,
		"--key", key, "--lines", file("lines", "red\ngreen\n"), "--first", "@" + file("first", "log\xffin"),
		"--message=@" + file("message", "{line}!"), "--expect", "any"}
	h := newHold()
	if err := read(t.Context(), words, h.runs, h.check); err != nil {
		t.Fatal(err)
	}
	if names := len(h.files.read); names != len(carried) {
		t.Errorf("%d files were read, of %v", names, carried)
	}
	args := append(forAgents("hold", append([]string{"client"}, words...), h.Flags), "--conns=5")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Dir(cert)); err != nil {
		t.Fatal(err)
	}
	w := &work{}
	j, err := w.job(t.Context(), args, maps.Clone(h.files.read))
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	if got := j.Run.Target; !reflect.DeepEqual(got.TLS, h.TLS) || got.Lines != h.Lines || j.Run.Talk != h.Talk ||
		got.TLS.Key == "" || got.Lines != plan.Payload("red\ngreen\n") || j.Run.Talk.First != "log\xffin" {
		t.Errorf("%+v, %+v\nbecame\n%+v, %+v", h.Target, h.Talk, got, j.Run.Talk)
	}
	for _, flag := range carried {
		less := maps.Clone(h.files.read)
		delete(less, flag)
		if _, err := w.job(t.Context(), args, less); !errors.Is(err, fleet.ErrUsage) {
			t.Errorf("without the file of --%s: %v", flag, err)
		}
	}
}

// Whatever comes with a command line, an agent opens no file.
func TestAgentsOpenNoFile(t *testing.T) {
	w := &work{}
	for line, came := range map[string]fleet.Files{
		"hold --first @/etc/passwd": {"message": "x"},
		"hold --first=@/etc/passwd": {},
		"hold --json x":             {"json": "x"},
		"hold --creds x":            {"creds": "x"},
		"hold --lines /etc/passwd --proto ws --path /{line}":  {"ca": "x"},
		"hold --tls --ca /etc/ssl/cert.pem":                   nil,
		"hold --message @x --size 5":                          {"message": "x"},
		"hold --message @x":                                   {"message": strings.Repeat("x", plan.MaxPayload+1)},
		"churn --server=x":                                    {"server": "x"},
		"hold --tls --ca x --message @/etc/passwd --proto ws": {"ca": "x"},
	} {
		if _, err := w.job(t.Context(), strings.Fields(line), came); !errors.Is(err, fleet.ErrUsage) {
			t.Errorf("%s with %d files: %v", line, len(came), err)
		}
	}
	j, err := w.job(t.Context(), strings.Fields("hold --proto ws --message @/etc/passwd"), fleet.Files{"message": "hi"})
	if err != nil || j.Run.Talk.Message != "hi" {
		t.Errorf("message %q, %v: the file was opened", j.Run.Talk.Message, err)
	}
}

// Files that are too large to be given to each agent are refused before anybody comes.
func TestFilesOfFleetAreBounded(t *testing.T) {
	large := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(large, []byte(strings.Repeat("x\n", fleet.MaxFiles/2+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, fleet := range []string{"1", ""} {
		h, words := newHold(), []string{"hold", "ws://127.0.0.1:7/{line}", "--lines", large}
		if fleet != "" {
			words = append(words, "--fleet", fleet)
		}
		err := read(t.Context(), words, h.runs, h.check)
		if fleet == "" && err != nil || fleet != "" && (!errors.Is(err, cli.ErrUsage) ||
			!strings.Contains(err.Error(), "--fleet 1: 64.0 MiB of --lines go to each agent, more than the 64.0 MiB")) {
			t.Errorf("fleet %q: %v", fleet, err)
		}
	}
}
