package secure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
)

// Options are what a client wants of its connections. Files are their contents,
// in PEM.
type Options struct {
	Insecure  bool     // take any certificate
	CA        string   // "": whom the system trusts
	Cert, Key string   // the client's own; "": none
	ALPN      []string // application protocols offered
	Resume    bool     // keep sessions
}

// Profile is how to connect to the servers of one name: what all connections to
// them share.
type Profile struct{ first, again *tls.Config }

// Profile is for servers whose certificate must be for name, a name or an address.
// A name is also what is asked for (SNI, RFC 6066 section 3).
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

// Client is a connection to a server of the profile. With resume it offers the
// session of an earlier one, if there is any.
func (p *Profile) Client(resume bool) *Conn {
	if resume {
		return Client(p.again)
	}
	return Client(p.first)
}

// Over is such a connection over another one that blocks, for a single look at a
// server. It offers no session.
func (p *Profile) Over(c net.Conn) net.Conn { return tls.Client(c, p.first) }

// writeOnly keeps sessions and gives none: for connections of those who have none
// yet.
type writeOnly struct{ tls.ClientSessionCache }

func (writeOnly) Get(string) (*tls.ClientSessionState, bool) { return nil, false }

// CheckAuthorities says what is wrong with certificates that are to be trusted.
// None are wrong as well: a file that is empty is no wish to trust the system's,
// nor to let in everybody.
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

// plain is an error of crypto/tls without its "tls: failed to".
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

// Agreed is what both ends of a connection agreed on: what handshakes have in
// common.
type Agreed struct {
	Version  string // TLS 1.3
	Cipher   string // TLS_AES_128_GCM_SHA256
	Protocol string // application protocol, RFC 7301; "": none
}

// Agreed is what was agreed on, and whether an earlier session was resumed.
func (c *Conn) Agreed() (a Agreed, resumed bool) {
	s := c.State()
	return Agreed{tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite), s.NegotiatedProtocol}, s.DidResume
}
