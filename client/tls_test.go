package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/tests/rig"
)

// pemFiles writes a certificate and its key, and something that is neither.
func pemFiles(t *testing.T) (cert, key, other, text string) {
	t.Helper()
	its, strangers := rig.Certify(t, time.Now(), "user.example"), rig.Certify(t, time.Now(), "user.example")
	return its.Cert, its.Key, strangers.Key, rig.File(t, t.TempDir(), "text", "no PEM")
}

// What cannot be meant is one line that names the flag, the file and what is wrong.
func TestBadTLS(t *testing.T) {
	cert, key, other, text := pemFiles(t)
	dir := filepath.Dir(cert)
	for _, tt := range []struct {
		args string
		want []string
	}{
		{"--insecure", []string{"--insecure", "--tls"}},
		{"--ca " + cert, []string{"--ca", "--tls"}},
		{"--tls-resume all", []string{"--tls-resume", "without --tls"}},
		{"--tls --ca /nowhere/ca.pem", []string{"--ca /nowhere/ca.pem: no such file"}},
		{"--tls --ca " + dir, []string{"--ca " + dir + ": is a directory"}},
		{"--tls --ca " + text, []string{"--ca " + text + ": no certificate in PEM"}},
		{"--tls --ca " + key, []string{"--ca " + key + ": no certificate in PEM"}},
		{"--tls --ca /dev/null", []string{"--ca /dev/null: is a device"}},
		{"--tls --ca /proc/sys/kernel/ostype", []string{"--ca /proc/sys/kernel/ostype: no certificate in PEM"}},
		{"--tls --cert " + text + " --key " + text, []string{"--cert " + text + ", --key " + text, "PEM"}},
		{"--tls --ca=", []string{`--ca ""`, "empty"}},
		{"--tls --cert= --key=", []string{`""`, "empty"}},
		{"--tls --sni=", []string{`--sni ""`, "empty"}},
		{"--tls --ca /dev/zero", []string{"--ca /dev/zero: is a device"}},
		{"--tls --insecure --ca " + cert, []string{"--insecure", "--ca"}},
		{"--tls --cert " + cert, []string{"--cert and --key"}},
		{"--tls --key " + key, []string{"--cert and --key"}},
		{"--tls --cert " + cert + " --key " + other, []string{"--cert " + cert, "--key " + other, "does not match"}},
		{"--tls --cert " + key + " --key " + cert, []string{"--cert " + key, "switched"}},
		{"--tls --sni 192.0.2.1", []string{`--sni "192.0.2.1"`, "chat.example.com"}},
		{"--tls --sni [::1]", []string{`--sni "[::1]"`}},
		{"--tls --alpn h2,,http/1.1", []string{"--alpn", "1..255 bytes"}},
		{"--tls --tls-resume sometimes", []string{"--tls-resume", "returning, all, none"}},
		{"--tls --engine packets", []string{"--engine packets", "--tls", "--engine sockets"}},
	} {
		for _, command := range []string{"hold", "echo", "churn", "stress", "peak", "soak"} {
			var stdout, stderr bytes.Buffer
			status := run(context.Background(), append([]string{command}, strings.Fields(tt.args)...), &stdout, &stderr)
			said := stderr.String()
			if tt.args == "--tls --engine packets" && command == "churn" {
				tt.want = []string{"--engine packets"} // churn refuses it at all
			}
			if status != 2 || strings.Count(said, "\n") != 1 || stdout.Len() > 0 {
				t.Errorf("%s %s: status %d, %q", command, tt.args, status, said)
			}
			for _, want := range tt.want {
				if !strings.Contains(said, want) {
					t.Errorf("%s %s: %q, want %q", command, tt.args, said, want)
				}
			}
		}
	}
}

// A plan has what is in the files, and no name of one.
func TestTLSFlags(t *testing.T) {
	cert, key, _, _ := pemFiles(t)
	h := newHold()
	line := []string{"hold", "--tls", "--ca", cert, "--cert", cert, "--key", key, "--sni", "chat.example.com", "--alpn",
		"h2,http/1.1", "--tls-resume", "none"}
	if err := read(t.Context(), line, h.runs, h.check); err != nil {
		t.Fatal(err)
	}
	got := h.TLS
	if !got.On || got.Insecure || got.SNI != "chat.example.com" || strings.Join(got.ALPN, " ") != "h2 http/1.1" ||
		got.Resume != plan.ResumeNone {
		t.Errorf("%+v", got)
	}
	for name, text := range map[string]string{"ca": got.CA, "cert": got.Cert, "key": got.Key} {
		if b, _ := pem.Decode([]byte(text)); b == nil {
			t.Errorf("%s: %q is no PEM", name, text)
		}
	}
}
