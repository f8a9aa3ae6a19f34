package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

func TestBadUsage(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want []string // in the one line on stderr
	}{
		{"no count", []string{"--conns", "many"}, []string{"conns", `"many"`, "4.1M"}},
		{"no connection at all", []string{"--conns", "0"}, []string{"conns", "1.."}},
		{"no such scenario", []string{"sleep"}, []string{`"sleep"`, "did you mean sweep?"}},
		{"no such flag", []string{"--connections", "5"}, []string{"--connections", "--help"}},
		{"left over", []string{"hold", "--quiet", "10M"}, []string{`"10M"`}},
		{"host has no address", []string{"--host", "nowhere.invalid"},
			[]string{"--host nowhere.invalid", "look up name"}},
		{"ports leave the range", []string{"--first-port", "65500", "--ports", "100"},
			[]string{"--first-port", "65599", "1..65535"}},
		{"ports none", []string{"--ports", "0"}, []string{"--ports", "1..65535"}},
		{"rate", []string{"--rate", "0"}, []string{"rate", "max"}},
		{"sources", []string{"--sources", "10.0.0.0/8"}, []string{"--sources", "/16"}},
		{"sources of the other family", []string{"--sources", "fd00::1"}, []string{"--sources", "--host"}},
		{"close", []string{"--close", "abort"}, []string{"--close", "rst, fin"}},
		{"private fds", []string{"--private-fds", "yes"}, []string{"--private-fds", "auto, on, off"}},
		{"size", []string{"--size", "1G"}, []string{"--size", "1.."}},
		{"hold", []string{"--hold", "-1s"}, []string{"--hold", "0.."}},
		{"interval", []string{"--interval", "1us"}, []string{"--interval", "1ms"}},
		{"keepalive", []string{"--keepalive", "3h"}, []string{"--keepalive", "0 (never)", "1s..2h"}},
		{"settle", []string{"--settle", "-1s"}, []string{"--settle", "0..1h"}},
		{"control", []string{"--server-control", "ftp://x"}, []string{"--server-control", "http://"}},
		{"stage of nothing", []string{"--stage", "hold=2m"}, []string{"--stage", `"hold=2m"`, "N@RATE"}},
		{"stage without a rate", []string{"echo", "--stage", "5"}, []string{"--stage", `"5"`, "N@RATE", "hold=TIME"}},
		{"stages and a number", []string{"--stage", "5@1", "--conns", "5"}, []string{"--stage", "--conns"}},
		{"stages and a rate", []string{"--stage", "5@1", "--rate", "5"}, []string{"--stage", "--rate"}},
		{"stages and a time", []string{"echo", "--stage", "5@1", "--duration", "5s"},
			[]string{"--stage", "--duration"}},
		{"stages that send nothing", []string{"--stage", "5@1", "--interval", "1s"}, []string{"--stage", "hold=TIME"}},
		{"stages that open nothing", []string{"--stage", "0@1"}, []string{"--stage", `"0@1"`, "above 0"}},
		{"jitter of nothing", []string{"--jitter", "20%"}, []string{"--jitter", "--interval"}},
		{"jitter", []string{"--jitter", "101%", "--interval", "1s"}, []string{"--jitter", "0%..100%"}},
		{"ping over TCP", []string{"--ping", "5s"}, []string{"--ping 5s", "--proto", "--keepalive"}},
		{"ping", []string{"--ping", "5ms", "--proto", "ws"}, []string{"--ping", "100ms..30m"}},
		{"ping timeout", []string{"--ping", "5s", "--ping-timeout", "6s", "--proto", "ws"},
			[]string{"--ping-timeout 6s", "10ms..--ping"}},
		{"ping timeout of nothing", []string{"--ping-timeout", "6s", "--proto", "ws"},
			[]string{"--ping-timeout 6s", "give --ping"}},
		{"message of no file", []string{"--message", "@none.txt"}, []string{"--message", "none.txt"}},
		{"message of nothing", []string{"--message", ""}, []string{"--message", "1..1048576"}},
		{"message misspelt", []string{"--message", "{Rand}"}, []string{"--message", "{Rand}", "{rand}"}},
		{"message of lines", []string{"--message", "{line}"}, []string{"--message", "--lines"}},
		{"message with a size", []string{"--message", "hi", "--size", "5"}, []string{"--message", "--size"}},
		{"text that is none", []string{"--proto", "ws", "--text", "--first", "\xff"}, []string{"--text", "UTF-8"}},
		{"expect nothing at all", []string{"--expect", ""}, []string{"--expect", "1..1024"}},
		{"expect no answer and verify", []string{"--expect", "none", "--verify", "5"},
			[]string{"--verify 5", "--expect none"}},
		{"expect no answer as fast as possible", []string{"echo", "--expect", "none"},
			[]string{"--expect none", "--rate"}},
		{"expect no answer of users", []string{"peak", "--expect", "none"}, []string{"--expect none"}},
		{"skip", []string{"--skip", "1001", "--expect", "any"}, []string{"--skip 1001", "0..1000"}},
		{"skip before a TCP echo", []string{"--skip", "1"}, []string{"--skip", "--expect any"}},
		{"deflate over TCP", []string{"--deflate"}, []string{"--deflate", "--proto ws"}},
		{"the last byte of a message", []string{"churn", "--first-close", "server", "--message", "hi"},
			[]string{"--first-close server", "--message"}},
		{"echo for no time", []string{"echo", "--hold", "0s"}, []string{"--hold", "echo"}},
		{"echo at no rate", []string{"echo", "--rate", "0"}, []string{"rate", "max"}},
		{"echo sizes the wrong way", []string{"echo", "--size", "9:3"}, []string{"size", "9:3", "FIRST:LAST"}},
		{"echo depth", []string{"echo", "--depth", "0"}, []string{"--depth 0", "1..1024"}},
		{"echo rest", []string{"echo", "--rest", "-1s"}, []string{"--rest -1s", "0..1h"}},
		{"echo for how long", []string{"echo", "--hold", "1s", "--duration", "2s"}, []string{"--duration", "--hold"}},
		{"churn in which mode", []string{"churn", "--mode", "fast"}, []string{"--mode fast", "keepalive"}},
		{"churn, nobody closes", []string{"churn", "--first-close", "nobody"},
			[]string{"--first-close", "client, server"}},
		{"churn with nobody", []string{"churn", "--users", "0"}, []string{"users", "1.."}},
		{"churn, a larger pool than users", []string{"churn", "--mode", "pool", "--users", "3", "--pool", "4"},
			[]string{"--pool 4", "1..3"}},
		{"churn, no requests", []string{"churn", "--requests", "0"}, []string{"--requests 0", "1.."}},
		{"churn, reuse", []string{"churn", "--tw-reuse", "3"}, []string{"--tw-reuse 3", "0..2"}},
		{"churn, ports", []string{"churn", "--port-range", "5:4"}, []string{"--port-range", "FIRST-LAST"}},
		{"churn, no network setting", []string{"churn", "--sysctl", "kernel.panic=1"}, []string{"sysctl", "net.ipv4"}},
		{"churn, the matrix and one of it", []string{"churn", "--matrix", "--tw-reuse", "1"},
			[]string{"--tw-reuse", "--matrix"}},
		{"churn for no time", []string{"churn", "--duration", "1ms"}, []string{"--duration", "100ms"}},
		{"stress in which mode", []string{"stress", "--mode", "pool"}, []string{"--mode pool", "kept"}},
		{"stress without loops", []string{"stress", "--loops", "0"}, []string{"loops", "1.."}},
		{"stress without users", []string{"stress", "--users", "2M"}, []string{"--users", "1..1000000"}},
		{"peak until what", []string{"peak", "--until", "p98>1s"}, []string{"until", "p98>1s", "errors>SHARE"}},
		{"peak until what, the second", []string{"peak", "--until", "p99>1s", "errors>2"},
			[]string{"until", "errors>2"}},
		{"peak until either, and downwards",
			[]string{"peak", "--until", "p99>1s", "errors>2%", "--from", "10", "--max", "9"}, []string{"--from 10"}},
		{"peak of an argument", []string{"peak", "errors>2%"}, []string{`"errors>2%"`, "client peak --help"}},
		{"peak downwards", []string{"peak", "--from", "10", "--max", "9"}, []string{"--from 10", "--max 9"}},
		{"peak without steps", []string{"peak", "--factor", "1"}, []string{"--factor 1", "1.01.."}},
		{"peak by no factor", []string{"peak", "--factor", "NaN"}, []string{"--factor NaN", "1.01..1000"}},
		{"peak with no precision", []string{"peak", "--precision", "101%"}, []string{"precision", `"101%"`, "0..1"}},
		{"peak until nothing", []string{"peak", "--until", "errors>NaN"},
			[]string{"until", "errors>NaN", "errors>SHARE"}},
		{"peak in no time", []string{"peak", "--each", "0s"}, []string{"--each 0s", "100ms"}},
		{"soak for no time", []string{"soak", "--duration", "10ms"}, []string{"--duration", "1s"}},
		{"soak with one look", []string{"soak", "--duration", "1m", "--every", "1h"}, []string{"--every", "15s"}},
		{"soak that only warms up", []string{"soak", "--warm-up", "1"}, []string{"--warm-up 1", "0..0.9"}},
		{"soak that never warms up", []string{"soak", "--warm-up", "95%"}, []string{"--warm-up 95%", "0..0.9"}},
		{"sweep of nothing", []string{"sweep"}, []string{"--server-flag", "--sysctl"}},
		{"sweep without values", []string{"sweep", "--server-flag", "workers"}, []string{"server-flag", "NAME=V1,V2"}},
		{"sweep, the same twice", []string{"sweep", "--size", "64,64"}, []string{"size", "64 is there twice"}},
		{"sweep of what", []string{"sweep", "--size", "64", "--", "sleep"}, []string{`"sleep"`, "echo"}},
		{"sweep for what", []string{"sweep", "--size", "64", "--metric", "speed"}, []string{"--metric", `"speed"`}},
		{"sweep how often", []string{"sweep", "--size", "64", "--repeat", "21"}, []string{"--repeat 21", "1..20"}},
		{"sweep of the machine", []string{"sweep", "--sysctl", "vm.swappiness=1,2"}, []string{"sysctl", "net."}},
		{"diagnose what", []string{"diagnose"}, []string{"--pid", "--control"}},
		{"diagnose both", []string{"diagnose", "--pid", "1", "--control", "http://127.0.0.1:1"},
			[]string{"--pid", "not both"}},
		{"diagnose nobody", []string{"diagnose", "--pid", "-4"}, []string{"--pid", `"-4"`}},
		{"diagnose for no time", []string{"diagnose", "--pid", "1", "--duration", "0s"},
			[]string{"--duration", "100ms"}},
		{"diagnose by a name", []string{"diagnose", "--control", "server"}, []string{"--control", "http://"}},
		{"diagnose and more", []string{"diagnose", "--pid", "1", "now"}, []string{`"now"`, "client diagnose --help"}},
		{"result cannot be kept", []string{"--json", "/nonexistent/r.json"}, []string{"--json", "/nonexistent/r.json"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			status := run(context.Background(), tt.args, &stdout, &stderr)
			line := stderr.String()
			if status != 2 || strings.Count(line, "\n") != 1 || stdout.Len() != 0 {
				t.Errorf("status %d, stderr %q, stdout %q; want 2 and one line", status, line, stdout.String())
			}
			for _, w := range tt.want {
				if !strings.Contains(line, w) {
					t.Errorf("%q lacks %q", line, w)
				}
			}
		})
	}
}

// Every command tells the version instead of running, whatever else was asked.
func TestVersion(t *testing.T) {
	all := [][]string{{"--version"}, {"hold", "--version"}, {"hold", "--quiet", "--version", "--conns", "5"}}
	for _, name := range commands()[1:] {
		all = append(all, []string{name, "--version"})
	}
	for _, args := range all {
		var stdout, stderr bytes.Buffer
		status := run(context.Background(), args, &stdout, &stderr)
		if want := build.Line("client") + "\n"; status != 0 || stdout.String() != want || stderr.Len() > 0 {
			t.Errorf("%v: status %d, %q, %q; want %q", args, status, stdout.String(), stderr.String(), want)
		}
	}
	if build.Commit == "" {
		t.Error("no word about what it was built from")
	}
}
