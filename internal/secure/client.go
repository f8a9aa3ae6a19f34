package secure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
)

// Options are the TLS settings of a client. Certificates and keys are PEM texts, not
// paths.
type Options struct {
	Insecure  bool     // take any certificate
	CA        string   // "": whom the system trusts
	Cert, Key string   // the client's own; "": none
	ALPN      []string // application protocols offered
	Resume    bool     // keep sessions
}

// Profile is the configuration that all connections to the servers of one name share:
// first is for a user's first connection, again for later ones, which resume a session.
type Profile struct{ first, again *tls.Config }

// Profile is for servers whose certificate must be for name, a name or an address.
// A name is also sent as the server name (SNI, RFC 6066 section 3).
func (o Options) Profile(name string) (*Profile, error) {
	cfg := &tls.Config{ServerName: name, InsecureSkipVerify: o.Insecure, NextProtos: o.ALPN,
		SessionTicketsDisabled: !o.Resume, DynamicRecordSizingDisabled: true}
	var err error
	if cfg.RootCAs, err = authorities(o.CA); err != nil {
		return nil, err
	}
	if o.Cert != "" {
		pair, err := tls.X509KeyPair([]byte(o.Cert), []byte(o.Key))
		if err != nil {
			return nil, plain(err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	if !o.Resume {
		return &Profile{cfg, cfg}, nil
	}
	sessions := tls.NewLRUClientSessionCache(1)
	first := cfg.Clone()
	first.ClientSessionCache, cfg.ClientSessionCache = writeOnly{sessions}, sessions
	return &Profile{first, cfg}, nil
}

// Client makes a connection to a server of the profile. With resume it offers the
// session of an earlier connection, if there is one.
func (p *Profile) Client(resume bool) *Conn {
	if resume {
		return Client(p.again)
	}
	return Client(p.first)
}

// Over makes an ordinary, blocking TLS connection over c, for a single request to a
// server of the profile. It offers no session.
func (p *Profile) Over(c net.Conn) net.Conn { return tls.Client(c, p.first) }

// writeOnly is a session cache that stores sessions and returns none, for connections
// of users that have not been there before.
type writeOnly struct{ tls.ClientSessionCache }

func (writeOnly) Get(string) (*tls.ClientSessionState, bool) { return nil, false }

// CheckAuthorities says what is wrong with certificates that are to be trusted. A text
// without any is an error, too: somebody who gives an empty file does not mean to trust
// the system's authorities, nor to let in everybody.
func CheckAuthorities(pem string) error {
	if pem == "" {
		return errNoAuthority
	}
	_, err := authorities(pem)
	return err
}

var errNoAuthority = errors.New("no certificate in PEM is in it")

// authorities are those of a PEM; nil of "", which stands for the system's.
func authorities(pem string) (*x509.CertPool, error) {
	if pem == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(pem)) {
		return nil, errNoAuthority
	}
	return pool, nil
}

// CheckPair says what is wrong with a certificate and its key.
func CheckPair(cert, key string) error {
	_, err := tls.X509KeyPair([]byte(cert), []byte(key))
	return plain(err)
}

// plain rewords an error of crypto/tls: without "tls: ", and "cannot" for "failed to".
func plain(err error) error {
	if err == nil {
		return nil
	}
	text := strings.TrimPrefix(err.Error(), "tls: ")
	if rest, is := strings.CutPrefix(text, "failed to "); is {
		text = "cannot " + rest
	}
	return errors.New(text)
}

// Agreed is what both ends of a connection have agreed on. Connections are counted by
// it.
type Agreed struct {
	Version  string // TLS 1.3
	Cipher   string // TLS_AES_128_GCM_SHA256
	Protocol string // application protocol, RFC 7301; "": none
}

// Agreed returns what was agreed on, and whether an earlier session was resumed.
func (c *Conn) Agreed() (a Agreed, resumed bool) {
	s := c.State()
	return Agreed{tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite), s.NegotiatedProtocol}, s.DidResume
}
