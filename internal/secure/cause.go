package secure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
)

// Cause is what went wrong with a TLS connection.
type Cause uint8

// The causes. Closed: the peer has ended the connection in the middle of the handshake.
const (
	Other Cause = iota
	Closed
	NotTLS           // what came is no TLS record
	Expired          // a certificate has expired, or is not valid yet
	UnknownAuthority // nobody we trust has signed
	WrongName        // the certificate is for another name
	BadCertificate   // anything else is wrong with a certificate
	NoCertificate    // the peer has none, and one is wanted
	Version          // no version of TLS in common
	Cipher           // no cipher, curve or kind of key in common
	Protocol         // no application protocol (ALPN) in common
	AlertCertificate // the peer refuses our certificate, or wants one
	AlertHandshake   // the peer found nothing in common: ciphers, curves
	AlertName        // the peer does not know the name that we asked for
	AlertProtocol    // the peer found no application protocol (ALPN) in common
	Alert            // any other alert of the peer
	Timeout          // the handshake was given up for a queued one, see Pool
)

// names of the causes, as result files and reports have them.
var names = [...]string{"other", "closed", "not_tls", "expired", "unknown_authority", "wrong_name", "bad_certificate",
	"no_certificate", "version", "cipher", "protocol", "alert_certificate", "alert_handshake", "alert_name",
	"alert_protocol", "alert", "timeout"}

func (c Cause) String() string { return names[c] }

// CauseOf is the cause behind an error of a handshake or of Read.
func CauseOf(err error) Cause {
	var notTLS tls.RecordHeaderError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed):
		return Closed
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Timeout
	case errors.As(err, &notTLS):
		return NotTLS
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return UnknownAuthority
	case errors.As(err, new(x509.HostnameError)):
		return WrongName
	case errors.As(err, &invalid):
		if invalid.Reason == x509.Expired {
			return Expired
		}
		return BadCertificate
	}
	return causeOfText(err.Error())
}

// Errors of crypto/tls that have no type of their own are told by their text; the first
// row that fits counts.
var (
	// Of an alert that came over the wire, RFC 8446 section 6, behind "remote error: tls: ".
	alerts = []wording{
		{"certificate", AlertCertificate},
		{"access denied", AlertCertificate},
		{"protocol version", Version},
		{"unrecognized name", AlertName},
		{"no application protocol", AlertProtocol},
		{"handshake failure", AlertHandshake},
		{"insufficient security level", AlertHandshake},
	}
	// Of what we found ourselves.
	findings = []wording{
		{"didn't provide a certificate", NoCertificate},
		{"client certificate", BadCertificate},
		{"no cipher suite supported by both", Cipher},
		{"no key exchanges supported by both", Cipher},
		{"incompatible point formats", Cipher},
		{"signature algorithms", Cipher},
		{"application protocol", Protocol},
		{"does not look like a TLS handshake", NotTLS},
		{"handshake message of type *tls.clientHelloMsg when waiting for *tls.serverHelloMsg", NotTLS}, // an echo
		{"version", Version},
	}
)

type wording struct {
	words string
	cause Cause
}

func causeOfText(text string) Cause {
	said, otherwise := findings, Other
	remote, is := strings.CutPrefix(text, "remote error: tls: ")
	if is {
		text, said, otherwise = remote, alerts, Alert
	}
	for _, w := range said {
		if strings.Contains(text, w.words) {
			return w.cause
		}
	}
	return otherwise
}
