package report

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

// Every code that a scenario, a merge or the accounts of memory warn or fail with has
// its sentence, and every sentence a code: none is written that nobody says, and none
// said that nobody wrote.
func TestSentencesOfWarnings(t *testing.T) {
	var files []string
	for _, pattern := range []string{"../scenario/*.go", "../result/merge*.go", "../../client/fleet*.go",
		"../../client/push.go", "../proc/*.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatal(pattern, err)
		}
		files = append(files, found...)
	}
	var source strings.Builder
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(b)
	}
	said := map[string]bool{}
	for _, m := range regexp.MustCompile(`Warn\("(\w+)"\)|[cC]ode :?= "(\w+)"|, "(backlog_\w+)"`).FindAllStringSubmatch(
		source.String(), -1) {
		said[m[1]+m[2]+m[3]] = true
	}
	all := maps.Clone(sentences)
	for code, sentence := range faults {
		if all[code] != "" {
			t.Errorf("%s is a warning and a fault", code)
		}
		all[code] = sentence
	}
	for code := range said {
		if all[code] == "" {
			t.Errorf("%s is said, and has no sentence", code)
		}
	}
	for code, sentence := range all {
		if !said[code] {
			t.Errorf("nobody says %s", code)
		}
		for _, m := range regexp.MustCompile(`\{[+=]?(\w+)\}`).FindAllStringSubmatch(sentence, -1) {
			if !strings.Contains(source.String(), `("`+m[1]+`", `) {
				t.Errorf("%s: nothing has a fact named %s", code, m[1])
			}
		}
	}
}

func TestWarning(t *testing.T) {
	for _, tt := range []struct {
		w    result.Warning
		want string
	}{
		{result.Warn("server_holds_fewer").Count("server", 1234).Count("client", 2000),
			"the server holds 1,234 connections, the client 2,000"},
		{result.Warn("memory_kept").Number("kept_share", 0.25).Number("settle_ns", 4e9).
			Number("kernel_bytes", 3<<20).Number("client_bytes", -1<<20),
			"25.0 % of the memory had not come back 4.00 s after the close: kernel caches +3.0 MiB, client -1.0 MiB"},
		{result.Warn("memory_kept").Number("kept_share", 0.25).Number("settle_ns", 4e9).
			Number("kernel_bytes", 3<<20).Number("client_bytes", 0).Number("server_bytes", 2<<20),
			"25.0 % of the memory had not come back 4.00 s after the close: kernel caches +3.0 MiB, server +2.0 MiB, " +
				"client +0.0 B"},
		{result.Warn("kernel_counts_fewer_than_both").Count("sockets", 10).Count("least", 20),
			"the kernel counts 10 TCP sockets in use, both ends hold 20"},
		{result.Warn("kernel_counts_fewer_than_both").Count("sockets", 10).Count("least", 20).Word("when", "end"),
			"at the end of the run the kernel counts 10 TCP sockets in use, both ends hold 20"},
		{result.Warn("control_of_other").Word("url", "http://h:1").Word("ports", "1..2").Word("bind", ""),
			"the control endpoint http://h:1 is of another server, on ports 1..2: it is left out, " +
				"and the server's memory and its count are not in this report (--server-control URL names the " +
				"right one)"},
		{result.Warn("of_tomorrow").Count("n", 3).Word("why", "so"), "of_tomorrow, n 3, why so"},
		{result.Warning{}.Word("text", "as it was"), "as it was"},
	} {
		if got := Warning(tt.w); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.w, got, tt.want)
		}
	}
	if got := Warnings([]result.Warning{result.Warn("server_ended"), result.Warn("parts_on_hosts")}); !slices.Equal(got,
		[]string{sentences["server_ended"], sentences["parts_on_hosts"]}) {
		t.Errorf("%q", got)
	}
}
