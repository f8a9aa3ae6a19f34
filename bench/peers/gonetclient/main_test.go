package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// TestHolds: it opens exactly what is asked for, says so, and closes at its end.
func TestHolds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const n = 600 // more than are dialed at once
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	status := make(chan int, 1)
	var stderr bytes.Buffer
	go func() {
		ports := fmt.Sprintf("%d:1", l.Addr().(*net.TCPAddr).Port)
		status <- run(ctx, []string{"--conns", fmt.Sprint(n), "--tcp", ports}, w, &stderr)
		w.Close()
	}()
	held := make([]net.Conn, n)
	for i := range held {
		if held[i], err = l.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	line, err := bufio.NewReader(r).ReadString('\n')
	if want := fmt.Sprintf("ready gonetclient %d connections\n", n); line != want || err != nil {
		t.Fatalf("%q, %v, want %q; stderr %s", line, err, want, &stderr)
	}
	cancel()
	for _, c := range held {
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Fatalf("read after its end: %v, want EOF", err)
		}
		c.Close()
	}
	if s := <-status; s != 0 {
		t.Errorf("status %d, stderr %s", s, &stderr)
	}
}

func TestRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ports := fmt.Sprintf("%d:1", l.Addr().(*net.TCPAddr).Port)
	l.Close()
	var stdout, stderr bytes.Buffer
	if s := run(t.Context(), []string{"--conns", "3", "--tcp", ports}, &stdout, &stderr); s != 1 ||
		!strings.Contains(stderr.String(), "0 of 3 connections") {
		t.Errorf("status %d, stderr %q", s, &stderr)
	}
}

func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--conns", "0"}, "--conns 0: the legal range is 1..1000000"},
		{[]string{"--tcp", "1"}, "FIRST:COUNT"},
		{[]string{"--host", "localhost"}, `--host "localhost"`},
		{[]string{"extra"}, `"extra"`},
	} {
		var stdout, stderr bytes.Buffer
		if s := run(t.Context(), tt.args, &stdout, &stderr); s != 2 || !strings.Contains(stderr.String(), tt.want) ||
			strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%q: status %d, stderr %q, want 2 and one line with %q", tt.args, s, &stderr, tt.want)
		}
	}
}
