package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/secure"
	"github.com/c10m/c10m/internal/shard"
	"github.com/c10m/c10m/internal/sys"
)

// tlsOptions are the flags of TLS.
type tlsOptions struct {
	on        bool
	cert, key string // files; "": a certificate is made
	clientCA  string // a file; "": clients need no certificate
	alpn      string
	terms     secure.Terms
}

// declare declares the flags.
func (o *tlsOptions) declare(f *cli.Flags) {
	f.Add(cli.Switch(&o.on), "tls", "", "TLS on all ports (--cert, or a certificate made now)")
	f.Add(cli.Text(&o.cert, ""), "cert", "FILE", "the certificate and its intermediates, PEM", cli.Rare)
	f.Add(cli.Text(&o.key, ""), "key", "FILE", "its key, PEM", cli.Rare)
	f.Add(cli.Text(&o.clientCA, ""), "client-ca", "FILE",
		"demand client certificates signed by one of these authorities, PEM",
		cli.Rare)
	f.Add(cli.Text(&o.alpn, ""), "alpn", "NAME,...", "application protocols, the preferred one first", cli.Rare)
}

// check refuses what cannot be meant, and reads the files.
func (o *tlsOptions) check(f *cli.Flags) error {
	for _, flag := range []struct{ name, value string }{{"cert", o.cert}, {"key", o.key}, {"client-ca", o.clientCA},
		{"alpn", o.alpn}} {
		switch {
		case !f.Given(flag.name):
		case !o.on:
			return fmt.Errorf("--%s wants --tls", flag.name)
		case flag.value == "": // a variable of a script, perhaps: never less security in silence
			return fmt.Errorf("--%s \"\": it is empty; leave it out, or name what it is to be", flag.name)
		}
	}
	switch {
	case (o.cert == "") != (o.key == ""):
		return errors.New("--cert and --key: one is of no use without the other; give both files, or none")
	case o.cert != "":
		if err := o.readTerms(); err != nil {
			return err
		}
	}
	if o.clientCA != "" {
		its, err := readPEM("client-ca", o.clientCA)
		if err == nil {
			err = named("client-ca", o.terms.Demand(its))
		}
		if err != nil {
			return err
		}
	}
	if o.alpn == "" {
		return nil
	}
	for name := range strings.SplitSeq(o.alpn, ",") {
		if len(name) < 1 || len(name) > 255 { // RFC 7301 section 3.1
			return fmt.Errorf("--alpn %q: a name has 1..255 bytes, and commas between names", o.alpn)
		}
		o.terms.Protocols = append(o.terms.Protocols, name)
	}
	return nil
}

// readTerms reads the certificate and its key.
func (o *tlsOptions) readTerms() error {
	cert, err := readPEM("cert", o.cert)
	if err != nil {
		return err
	}
	key, err := readPEM("key", o.key)
	if err != nil {
		return err
	}
	o.terms, err = secure.ReadTerms(time.Now(), cert, key)
	return named("cert and --key", err)
}

// readPEM reads a flag's file.
func readPEM(flag, name string) (secure.File, error) {
	contents, err := sys.ReadFile(name, secure.MaxPEM)
	return secure.File{Name: name, PEM: contents}, named(flag, err)
}

// named is an error that says which flag it is of.
func named(flag string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("--%s: %w", flag, err)
}

// agree makes the certificate if none was given, and tells of it.
func (s *server) agree() error {
	if !s.tls.on {
		return nil
	}
	if s.tls.cert == "" {
		made, err := secure.NewTerms(time.Now(), s.names()...)
		if err != nil {
			return err
		}
		t := &s.tls.terms
		t.Certificate, t.Key, t.Tickets = made.Certificate, made.Key, made.Tickets
	}
	pair, err := tls.X509KeyPair(s.tls.terms.Certificate, s.tls.terms.Key)
	if err != nil {
		return err
	}
	how, trust := "given", ""
	if s.tls.cert == "" {
		how, trust = "made now", "; nobody trusts it who is not told to"
	}
	leaf := pair.Leaf
	for _, ip := range leaf.IPAddresses {
		leaf.DNSNames = append(leaf.DNSNames, ip.String())
	}
	s.logf("TLS: the certificate was %s, for %s, until %s%s", how, strings.Join(leaf.DNSNames, ", "),
		leaf.NotAfter.UTC().Format(time.DateOnly), trust)
	s.pin, err = s.tls.terms.Pin()
	return err
}

// names are those that a client may know the server by.
func (s *server) names() (all []string) {
	if s.bindName != "" {
		all = append(all, s.bindName)
	}
	switch {
	case s.bind.IsUnspecified():
		if host, err := os.Hostname(); err == nil && isName(host) {
			all = append(all, host)
		}
		addrs, _ := net.InterfaceAddrs() // then the certificate names fewer
		for _, a := range addrs {
			if ip, is := a.(*net.IPNet); is {
				all = append(all, ip.IP.String())
			}
		}
		return append(all, "localhost")
	case s.bind.IsLoopback() && s.bindName != "localhost":
		all = append(all, "localhost")
	}
	return append(all, s.bind.String())
}

// secrets is what workers need to know and no command line may show; nil: nothing.
func (s *server) secrets() ([]byte, error) {
	if !s.tls.on {
		return nil, nil
	}
	return json.Marshal(s.tls.terms)
}

// inherit takes the secrets of the supervisor.
func (s *server) inherit() error {
	if !s.tls.on {
		return nil
	}
	b, err := shard.InheritSecrets()
	if err != nil {
		return err
	}
	return json.Unmarshal(b, &s.tls.terms)
}

// leanHeap is the GC percentage with TLS, where the heap is what connections cost:
// there may be half as much garbage as what lives, not as much again. A handshake
// takes 7 % more processor time for it.
const leanHeap = 50

// tlsConfig is what the engine of this process does TLS by; nil: it does none.
func (s *server) tlsConfig(ctx context.Context) (*tls.Config, error) {
	if !s.tls.on {
		return nil, nil
	}
	if _, chosen := os.LookupEnv("GOGC"); !chosen {
		debug.SetGCPercent(leanHeap)
	}
	return s.tls.terms.Config(ctx)
}

// tlsReport sums up what the workers have counted of TLS; nil without it.
func (s *server) tlsReport() *result.ServerTLS {
	if !s.tls.on {
		return nil
	}
	r := &result.ServerTLS{Pin: s.pin}
	for _, slot := range s.page.Slots {
		r.Handshakes += slot.TLSDone.Load()
		r.Resumed += slot.TLSResumed.Load()
		r.UnderWay += slot.TLSUnderWay.Load()
	}
	return r
}
