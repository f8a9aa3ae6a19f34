package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

func lab(t *testing.T, rate float64) string {
	t.Helper()
	r := &result.Result{Schema: result.Schema, Scenario: "churn", Proto: "tcp", Command: []string{"client", "churn", "--json", "x", "--quiet", "--users", "5"}, Verdict: "It is so.",
		Tables: []result.Table{{Title: "Churn", Columns: []result.Column{{Name: "mode", Unit: result.InText}, {Name: "rate", Unit: result.InPerSecond}}, Rows: [][]any{{"pool", rate}, {"kept", nil}}}}}
	file := filepath.Join(t.TempDir(), "r.json")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := result.Write(f, r); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestWhole(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if status := run([]string{lab(t, 1234)}, &stdout, &stderr); status != 0 {
		t.Fatalf("status %d, %s", status, stderr.String())
	}
	want := "`bin/client churn --users 5`\n\nChurn:\n\n| mode | rate |\n| --- | ---: |\n| pool | 1,234/s |\n| kept | - |\n\nIt is so.\n\n"
	if stdout.String() != want {
		t.Errorf("wrote\n%s\nwant\n%s", stdout.String(), want)
	}
}

func TestJoined(t *testing.T) {
	var stdout, stderr bytes.Buffer
	run([]string{"a=" + lab(t, 1), "b=" + lab(t, 2)}, &stdout, &stderr)
	if got := stdout.String(); strings.Count(got, "\n") != 7 || !strings.Contains(got, "| b | pool | 2.00/s |") {
		t.Errorf("wrote\n%s%s", got, stderr.String())
	}
}

func TestBad(t *testing.T) {
	for _, args := range [][]string{{}, {"/nonexistent"}, {"a=/nonexistent"}} {
		var stdout, stderr bytes.Buffer
		if status := run(args, &stdout, &stderr); status == 0 || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%v: status %d, %q", args, status, stderr.String())
		}
	}
}
