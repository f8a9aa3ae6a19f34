package rig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/secure"
)

// Identity is a self-signed certificate and its key, as files.
type Identity struct {
	Cert, Key string // PEM
	Both      string // both in one file, as HAProxy wants them
}

// Certify makes a server's certificate for names and addresses, as of a time, valid for
// 30 days.
func Certify(t testing.TB, at time.Time, names ...string) Identity {
	t.Helper()
	c, err := secure.NewCertificate(at, names...)
	if err != nil {
		t.Fatal(err)
	}
	return identityOf(t, c)
}

// CertifyClient makes a certificate that a client may show, which is its own authority.
func CertifyClient(t testing.TB) Identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour),
		NotAfter:    time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		IsCA:        true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return identityOf(t, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key})
}

func identityOf(t testing.TB, c tls.Certificate) Identity {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}))
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	dir := t.TempDir()
	return Identity{File(t, dir, "cert.pem", cert), File(t, dir, "key.pem", key), File(t, dir, "both.pem", cert+key)}
}

// File writes a file that only its owner can read, and returns its path.
func File(t testing.TB, dir, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
