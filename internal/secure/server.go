package secure

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"time"
)

// Terms are the TLS settings of a server. They hold PEM texts and no paths, so that they
// can be handed to the server's worker processes, which then have the same certificate
// and accept each other's session tickets.
type Terms struct {
	Certificate []byte   // PEM, with the intermediates
	Key         []byte   // PEM
	ClientCA    []byte   // PEM of the authorities that sign clients' certificates; empty: clients need none
	Protocols   []string // of ALPN, most wanted first; empty: none is agreed on
	Tickets     [32]byte // what the keys of session tickets are derived from
}

// NewTerms makes terms with a new certificate, see NewCertificate.
func NewTerms(now time.Time, names ...string) (t Terms, err error) {
	cert, err := NewCertificate(now, names...)
	if err != nil {
		return t, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		return t, fmt.Errorf("encode key: %w", err)
	}
	t.Certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	t.Key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	_, err = rand.Read(t.Tickets[:])
	return t, err
}

// MaxPEM bounds a file of PEM: a bundle of all public authorities has 250 KB.
const MaxPEM = 4 << 20

// File is a file of PEM that somebody has read. An error names it.
type File struct{ Name, PEM string }

// ReadTerms makes terms with the certificate and the key of two PEM files.
func ReadTerms(now time.Time, certificate, key File) (t Terms, err error) {
	t.Certificate, t.Key = []byte(certificate.PEM), []byte(key.PEM)
	if bytes.Contains(t.Key, []byte("ENCRYPTED")) { // RFC 1421 section 4.6.1.1, RFC 7468 section 11
		return t, fmt.Errorf("%s: the key is encrypted; openssl pkey -in %[1]s -out FILE takes the password off",
			key.Name)
	}
	pair, err := tls.X509KeyPair(t.Certificate, t.Key)
	if err != nil {
		return t, fmt.Errorf("%s and %s: %w", certificate.Name, key.Name, plain(err))
	}
	switch leaf := pair.Leaf; {
	case now.After(leaf.NotAfter):
		return t, fmt.Errorf("%s: the certificate has expired on %s", certificate.Name,
			leaf.NotAfter.UTC().Format(time.DateTime))
	case now.Before(leaf.NotBefore):
		return t, fmt.Errorf("%s: the certificate begins on %s only", certificate.Name,
			leaf.NotBefore.UTC().Format(time.DateTime))
	}
	_, err = rand.Read(t.Tickets[:])
	return t, err
}

// Demand makes the server demand certificates of clients, signed by one of those in the
// PEM file.
func (t *Terms) Demand(by File) error {
	if err := CheckAuthorities(by.PEM); err != nil {
		return fmt.Errorf("%s: %w", by.Name, err)
	}
	t.ClientCA = []byte(by.PEM)
	return nil
}

// Config is the configuration of all connections. Until ctx ends it gets a new key for
// session tickets each day.
func (t *Terms) Config(ctx context.Context) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(t.Certificate, t.Key)
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: t.Protocols,
		DynamicRecordSizingDisabled: true} // small records at first help a browser to render early, not an echo
	if len(t.ClientCA) > 0 {
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
		if cfg.ClientCAs, err = authorities(string(t.ClientCA)); err != nil {
			return nil, fmt.Errorf("read authorities of clients: %w", err)
		}
	}
	if err := t.turn(cfg, time.Now()); err != nil {
		return nil, err
	}
	go t.rotate(ctx, cfg)
	return cfg, nil
}

// Pin is the SHA-256 of the certificate's key, as curl --pinnedpubkey takes it,
// RFC 7469 section 2.4.
func (t *Terms) Pin() (string, error) {
	pair, err := tls.X509KeyPair(t.Certificate, t.Key)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(pair.Leaf.RawSubjectPublicKeyInfo)
	return "sha256//" + base64.StdEncoding.EncodeToString(sum[:]), nil
}

// A session ticket is encrypted with the key of its day and accepted for a week, RFC
// 8446 section 4.6.1. The keys are derived from the terms, so all worker processes have
// the same.
const (
	ticketDay  = 24 * time.Hour
	ticketDays = 7
)

// turn makes cfg encrypt tickets with the key of now's day, and accept those of the days
// before.
func (t *Terms) turn(cfg *tls.Config, now time.Time) error {
	keys := make([][32]byte, 0, ticketDays+1)
	for day := range int64(ticketDays + 1) {
		info := fmt.Sprintf("session tickets of day %d", now.Unix()/int64(ticketDay/time.Second)-day)
		key, err := hkdf.Key(sha256.New, t.Tickets[:], nil, info, len(t.Tickets))
		if err != nil {
			return fmt.Errorf("derive keys of session tickets: %w", err)
		}
		keys = append(keys, [32]byte(key))
	}
	cfg.SetSessionTicketKeys(keys)
	return nil
}

// rotate calls turn at the beginning of each day until ctx ends.
func (t *Terms) rotate(ctx context.Context, cfg *tls.Config) {
	for {
		now := time.Now()
		select {
		case <-ctx.Done():
			return
		case <-time.After(now.Truncate(ticketDay).Add(ticketDay).Sub(now)):
		}
		_ = t.turn(cfg, time.Now()) // deriving keys has succeeded before
	}
}
