package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestUsage(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"--conns 5", "--conns 5: the legal range is 1000..1000000"},
		{"--rounds 0", "--rounds 0: the legal range is 1..99"},
		{"--servers apache", `--servers: "apache": the legal ones are tornado-tcp, `},
		{"--clients wrk", `--clients: "wrk": the legal ones are go-net, tsung, c10m`},
		{"dance", `command "dance"`},
		{"run extra", `"extra"`},
		{"--nonsense", "nonsense"},
	} {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), strings.Fields(tt.args), &stdout, &stderr)
		if status != 2 || !strings.Contains(stderr.String(), tt.want) || strings.Count(stderr.String(), "\n") != 1 ||
			stdout.Len() > 0 {
			t.Errorf("%s: status %d, stdout %q, stderr %q, want 2 and one line with %q", tt.args, status, &stdout,
				&stderr, tt.want)
		}
	}
}

func TestList(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), []string{"--list"}, &stdout, &stderr); status != 0 || stderr.Len() > 0 {
		t.Fatalf("status %d, stderr %s", status, &stderr)
	}
	if got := strings.Count(stdout.String(), "\n"); got != len(servers)+len(loaders) {
		t.Errorf("%d lines for %d servers and %d clients:\n%s", got, len(servers), len(loaders), &stdout)
	}
}

// build makes a directory like the repository's root after `make build peers`,
// with the programs named, and compare itself.
func build(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	goBuild := func(dir, out, pkg string) {
		cmd := exec.Command("go", "build", "-o", filepath.Join(root, out), pkg)
		cmd.Dir = dir
		if b, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", pkg, err, b)
		}
	}
	goBuild(".", "bench", ".")
	goBuild("..", "bin/client", "./client")
	goBuild("..", "bin/server", "./server")
	goBuild(".", "bin/rawepoll", "./peers/rawepoll")
	if err := os.Mkdir(filepath.Join(root, "scripts"), 0o755); err != nil {
		t.Fatal(err)
	}
	netns, err := filepath.Abs("../scripts/netns.sh")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(netns, filepath.Join(root, "scripts/netns.sh")); err != nil {
		t.Fatal(err)
	}
	return root
}

// TestCompare measures for real: the floor, and a server that is not there,
// whose error must be in the tables.
func TestCompare(t *testing.T) {
	root := build(t)
	cmd := exec.Command(filepath.Join(root, "bench"), "--conns", "1000", "--rounds", "1", "--servers",
		"nbio-tcp,raw-epoll-tcp", "--clients", "none")
	cmd.Dir = root
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	c, err := readFile(filepath.Join(root, "out/compare/compare.json"))
	if err != nil {
		t.Fatal(err)
	}
	missing, base := c.Servers[0], c.Servers[1]
	if missing.Median != nil || len(missing.Runs) != 1 || !strings.Contains(missing.Runs[0].Error, "bin/nbio") {
		t.Errorf("the server that is not there: %+v", missing)
	}
	f := base.Median
	if f == nil || f.Established != 1000 || f.Failed+f.Lost != 0 || f.User == nil || f.SetupRate == nil ||
		f.BurstRate == nil || f.EchoRate == nil || f.EchoP99 == nil || f.Close == nil {
		t.Fatalf("the floor: %+v, runs %+v", f, base.Runs)
	}
	if *f.SetupRate <= 0 || *f.EchoRate <= 0 || base.Ratio["setup"] != 1 {
		t.Errorf("the floor: setup %v, echo %v, ratios %v", *f.SetupRate, *f.EchoRate, base.Ratio)
	}
	for file, want := range map[string]string{"compare.md": "1 of 1: ended before it was ready",
		"compare.html": "1 of 1: ended before it was ready"} {
		b, err := os.ReadFile(filepath.Join(root, "out/compare", file))
		if err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s: %v, has no %q:\n%s", file, err, want, b)
		}
	}
}
