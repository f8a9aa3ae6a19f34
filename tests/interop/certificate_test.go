package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/secure"
)

// identity is a certificate that signs itself, as files.
type identity struct{ cert, key, both string }

// certify makes a certificate as of a time, for names.
func certify(t *testing.T, as time.Time, names ...string) identity {
	t.Helper()
	c, err := secure.NewCertificate(as, names...)
	if err != nil {
		t.Fatal(err)
	}
	return identityOf(t, c)
}

// clientIdentity is a certificate that a client may show.
func clientIdentity(t *testing.T) identity {
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

// identityOf writes a certificate and its key.
func identityOf(t *testing.T, c tls.Certificate) (id identity) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}))
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	dir := t.TempDir()
	return identity{write(t, dir, "cert.pem", cert), write(t, dir, "key.pem", key), write(t, dir, "both.pem", cert+key)}
}

// here is a certificate for loopback, good now.
func here(t *testing.T) identity {
	t.Helper()
	return certify(t, time.Now(), "127.0.0.1", "localhost")
}
