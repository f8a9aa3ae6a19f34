package main

import "testing"

func TestSizes(t *testing.T) {
	for in, want := range map[string]sizes{"64": {64, 64}, "64:1024": {64, 1024}, "1k:2k": {1024, 2048}, "7:7": {7, 7}} {
		var s sizes
		if err := s.Set(in); err != nil || s != want {
			t.Errorf("%s: %+v, %v, want %+v", in, s, err, want)
		}
	}
	for _, in := range []string{"", "0", "-1", "9:3", "1:", ":1", "1:2:3", "1:1G", "x"} {
		var s sizes
		if err := s.Set(in); err == nil {
			t.Errorf("%q is taken for %+v", in, s)
		}
	}
}

func TestParsePorts(t *testing.T) {
	if got, err := parsePorts("30000:59999"); err != nil || got != "30000\t59999" {
		t.Errorf("%q, %v", got, err)
	}
	for _, in := range []string{"", "1", "1:", "5:4", "0:5", "1:65536", "1:2:3", "1:2x", "+1:2", " 1:2"} {
		if got, err := parsePorts(in); err == nil {
			t.Errorf("%q is taken for %q", in, got)
		}
	}
}

func TestSettings(t *testing.T) {
	s := settings{}
	if err := s.Set("net.ipv4.tcp_tw_reuse=1"); err != nil || s["net.ipv4.tcp_tw_reuse"] != "1" {
		t.Errorf("%v, %v", s, err)
	}
	for _, in := range []string{"", "net.ipv4.tcp_tw_reuse", "net.ipv4.x=", "kernel.panic=1", "net.../x=1",
		"net/ipv4/x=1"} {
		if err := s.Set(in); err == nil {
			t.Errorf("%q is taken", in)
		}
	}
}
