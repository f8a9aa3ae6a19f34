package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/secure"
)

// tlsFlags are what becomes something else in the plan: of files their contents.
type tlsFlags struct {
	all           bool // secure every connection, also those to ws:// and tcp://
	ca, cert, key string
}

func (t *target) declareTLS() {
	f, s := t.Flags, &t.TLS
	f.Group("TLS")
	f.Add(cli.Switch(&t.tls.all), "tls", "", "every connection is secured, and the server's certificate verified",
		cli.Rare)
	f.Add(cli.Switch(&s.Insecure), "insecure", "", "take any certificate", cli.Rare)
	f.Add(cli.Text(&t.tls.ca, ""), "ca", "FILE", "authorities to trust, in PEM", cli.Unset("the system's"), cli.Rare)
	f.Add(cli.Text(&t.tls.cert, ""), "cert", "FILE", "certificate of the client, in PEM", cli.Rare)
	f.Add(cli.Text(&t.tls.key, ""), "key", "FILE", "its key", cli.Rare)
	f.Add(cli.Text(&s.SNI, ""), "sni", "NAME", "the name to ask for and to verify", cli.Unset("the host's"), cli.Rare)
	f.Add(cli.Words(&s.ALPN, checkALPN), "alpn", "NAME[,NAME]", "application protocols to offer", cli.Rare)
	f.Add(cli.OneOf(&s.Resume, plan.ResumeReturning, plan.ResumeReturning, plan.ResumeAll, plan.ResumeNone),
		"tls-resume",
		"returning|all|none", "which connections resume a session: those of returning users, all, none", cli.Rare)
}

// checkALPN wants a name that fits its length of one byte, RFC 7301 section 3.1.
func checkALPN(word string) error {
	if len(word) < 1 || len(word) > 255 {
		return fmt.Errorf("%q: a protocol's name has 1..255 bytes, like http/1.1", word)
	}
	return nil
}

// checkTLS reads the files, and refuses what cannot be meant.
func (t *target) checkTLS() (err error) {
	s := &t.TLS
	if !s.On {
		for _, flag := range []string{"insecure", "ca", "cert", "key", "sni", "alpn", "tls-resume"} {
			if t.given(flag) {
				return fmt.Errorf("--%s has no meaning without --tls, or a target tls:// or wss://", flag)
			}
		}
		return nil
	}
	for _, flag := range []struct{ name, value string }{{"ca", t.tls.ca}, {"cert", t.tls.cert}, {"key", t.tls.key},
		{"sni", s.SNI}} {
		if t.given(flag.name) && flag.value == "" { // a variable of a script, perhaps
			return fmt.Errorf("--%s \"\": it is empty; leave it out, or name what it is to be", flag.name)
		}
	}
	switch {
	case t.Engine == plan.EnginePackets:
		return errors.New("--engine packets: it speaks plain TCP only: leave out --tls, or take --engine sockets")
	case s.Insecure && t.tls.ca != "":
		return errors.New("--insecure takes any certificate: leave out --ca, or --insecure")
	case (t.tls.cert == "") != (t.tls.key == ""):
		return errors.New("--cert and --key go together: give both, or none")
	}
	if err := checkSNI(s.SNI); err != nil {
		return err
	}
	if s.CA, err = t.readPEM("ca", t.tls.ca); err != nil {
		return err
	}
	if s.Cert, err = t.readPEM("cert", t.tls.cert); err != nil {
		return err
	}
	if s.Key, err = t.readPEM("key", t.tls.key); err != nil {
		return err
	}
	if t.tls.ca != "" {
		if err := secure.CheckAuthorities(s.CA); err != nil {
			return fmt.Errorf("--ca %s: %v", t.tls.ca, err)
		}
	}
	if t.tls.cert != "" {
		if err := secure.CheckPair(s.Cert, s.Key); err != nil {
			return fmt.Errorf("--cert %s, --key %s: %v", t.tls.cert, t.tls.key, err)
		}
	}
	return nil
}

// checkSNI wants a name: an address is never asked for, RFC 6066 section 3.
func checkSNI(name string) error {
	if name == "" {
		return nil
	}
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil || !plan.IsName(name) {
		return fmt.Errorf("--sni %q: want a name, like chat.example.com", plan.OneLine(name))
	}
	return nil
}

// readPEM is the contents of a flag's file; "" if there is none.
func (t *target) readPEM(flag, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	return t.contents(flag, name, secure.MaxPEM)
}
