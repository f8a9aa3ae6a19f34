package secure

import (
	"crypto/tls"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// What a handshake begins with is waited for, however it comes in pieces.
func TestGreeting(t *testing.T) {
	hello := make([]byte, 600)
	hello[0], hello[2], hello[3] = clientHello, 2, 600-256*2-4 // of 596 bytes
	one := append([]byte{handshakeRecord, 3, 1, 2, 88}, hello...)
	many := []byte{}
	for _, b := range hello {
		many = append(many, handshakeRecord, 3, 1, 0, 1, b)
	}
	for name, all := range map[string][]byte{"in one record": one, "in records of a byte": many} {
		for n := range len(all) {
			if g := GreetingOf(all[:n]); g != Partial {
				t.Fatalf("%s: after %d of %d bytes: %d", name, n, len(all), g)
			}
		}
		if g := GreetingOf(all); g != Whole {
			t.Errorf("%s: %d, want it whole", name, g)
		}
		if g := GreetingOf(append(all, "and more"...)); g != Whole {
			t.Errorf("%s, and more: %d", name, g)
		}
	}
	for _, tt := range []struct {
		name string
		said string
		want Greeting
	}{
		{"nothing", "", Partial},
		{"a request", "GET / HTTP/1.1\r\n", Plain},
		{"one letter", "G", Plain},
		{"another protocol of such records", "\x16\x02", Plain},
		{"a record longer than any", "\x16\x03\x01\xff\xff", Plain},
		{"an alert", "\x15\x03\x01\x00\x02\x01\x00", Plain},
		{"an empty record", "\x16\x03\x01\x00\x00", Whole},
		{"another message", "\x16\x03\x01\x00\x04\x02\x00\x00\x09", Whole},
		{"a message that is larger than what is waited for",
			strings.Repeat("\x16\x03\x01\x40\x00\x01\xff\xff\xff"+strings.Repeat("x", 16380), 1), Whole},
	} {
		if g := GreetingOf([]byte(tt.said)); g != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, g, tt.want)
		}
	}
}

func FuzzGreeting(f *testing.F) {
	for _, s := range []string{"", "GET", "\x16\x03\x01\x00\x04\x01\x00\x00\x00",
		"\x16\x03\x01\x00\x01\x01\x16\x03\x01\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		// Once it is known what it is, more bytes do not change that.
		known := Partial
		for n := range min(len(said), 300) {
			g := GreetingOf(said[:n])
			if known != Partial && g != known {
				t.Fatalf("%d after %d bytes, %d before", g, n, known)
			}
			known = g
		}
	})
}

// files are a certificate and its key.
func files(t Terms) (cert, key File) {
	return File{"cert.pem", string(t.Certificate)}, File{"key.pem", string(t.Key)}
}

func TestReadTerms(t *testing.T) {
	now := time.Now()
	made, err := NewTerms(now, "localhost", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewTerms(now, "localhost")
	if err != nil {
		t.Fatal(err)
	}
	cert, key := files(made)
	otherCert, otherKey := files(other)
	_, encrypted := files(Terms{Key: []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")})
	read, err := ReadTerms(now, cert, key)
	if err != nil {
		t.Fatal(err)
	}
	pin, err := read.Pin()
	if its, _ := made.Pin(); err != nil || pin != its || !strings.HasPrefix(pin, "sha256//") {
		t.Errorf("pin %q, %v, want %q", pin, err, its)
	}
	if read.Tickets == made.Tickets {
		t.Error("two servers make tickets with the same key")
	}
	for _, tt := range []struct {
		name      string
		cert, key File
		now       time.Time
		want      string
	}{
		{"nothing", File{Name: "empty.pem"}, key, now, "empty.pem and key.pem: cannot find any PEM"},
		{"another's key", cert, otherKey, now, "does not match"},
		{"an encrypted key", cert, encrypted, now, "key.pem: the key is encrypted; openssl pkey -in key.pem"},
		{"no certificate", key, key, now, "key.pem and key.pem"},
		{"expired", cert, key, now.Add(lifetime + time.Hour), "cert.pem: the certificate has expired on"},
		{"not yet", cert, key, now.Add(-lifetime), "begins on"},
		{"the other way round", otherKey, otherCert, now, "cannot find"},
	} {
		if _, err := ReadTerms(tt.now, tt.cert, tt.key); err == nil || !strings.Contains(err.Error(), tt.want) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q in a line", tt.name, err, tt.want)
		}
	}
}

// Terms that another process was handed take the tickets of this one, today's and
// those of the week before, and none that are older.
func TestTicketsOfAnotherProcess(t *testing.T) {
	made, err := NewTerms(time.Now(), "x")
	if err != nil {
		t.Fatal(err)
	}
	made.Protocols = []string{"echo"}
	b, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	var handed Terms
	if err := json.Unmarshal(b, &handed); err != nil {
		t.Fatal(err)
	}
	ours, err := made.Config(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := handed.Config(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1),
		NextProtos: []string{"echo"}}
	resumed := func(server *tls.Config) bool {
		t.Helper()
		l := connect(t, client, server)
		for _, err := range l.errs {
			if err != nil {
				t.Fatal(err)
			}
		}
		_, _ = l.a.Read(make([]byte, MaxPlaintext)) // the ticket
		return l.b.State().DidResume
	}
	if resumed(ours) {
		t.Error("the first was resumed")
	}
	if !resumed(theirs) {
		t.Error("the other process does not take our ticket")
	}
	if err := handed.turn(theirs, time.Now().Add(ticketDays*ticketDay)); err != nil {
		t.Fatal(err)
	}
	if !resumed(theirs) {
		t.Error("a ticket of a week ago is not taken")
	}
	if !resumed(theirs) {
		t.Error("the new key is not taken")
	}
	if err := handed.turn(theirs, time.Now().Add((3*ticketDays)*ticketDay)); err != nil {
		t.Fatal(err)
	}
	if resumed(theirs) {
		t.Error("a ticket of a key that is gone was taken")
	}
}

// Clients have to have a certificate if that is demanded.
func TestDemand(t *testing.T) {
	made, err := NewTerms(time.Now(), "x")
	if err != nil {
		t.Fatal(err)
	}
	authority, key := files(made)
	if err := made.Demand(authority); err != nil {
		t.Fatal(err)
	}
	server, err := made.Config(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l := connect(t, &tls.Config{InsecureSkipVerify: true}, server)
	if err := l.errs[l.b]; err == nil || CauseOf(err) != NoCertificate {
		t.Errorf("%v, want %v", err, NoCertificate)
	}
	for _, file := range []File{key, {Name: "empty.pem"}} {
		if err := made.Demand(file); err == nil || !strings.Contains(err.Error(), file.Name+": no certificate") {
			t.Errorf("%s: %v", file.Name, err)
		}
	}
}
