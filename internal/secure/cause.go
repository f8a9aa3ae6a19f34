package secure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"strings"
)

// Cause is what went wrong with a TLS connection.
type Cause uint8

// The causes. Closed is the peer's end in the middle of the handshake.
const (
	Other Cause = iota
	Closed
	NotTLS           // what came is no TLS record
	Expired          // a certificate is out of its time
	UnknownAuthority // nobody we trust has signed
	WrongName        // the certificate is for another name
	BadCertificate   // it says something else that cannot be
	Version          // no version of TLS in common
	AlertCertificate // the peer refuses our certificate, or wants one
	AlertHandshake   // the peer found nothing in common: ciphers, curves
	AlertName        // the peer does not know the name that we asked for
	AlertProtocol    // no application protocol (ALPN) in common
	Alert            // any other alert of the peer
)

// Names of the causes, as result files and reports have them.
var names = [...]string{"other", "closed", "not_tls", "expired", "unknown_authority", "wrong_name", "bad_certificate", "version",
	"alert_certificate", "alert_handshake", "alert_name", "alert_protocol", "alert"}

func (c Cause) String() string { return names[c] }

// CauseOf tells what an error of a handshake, or of a Read, means.
func CauseOf(err error) Cause {
	var notTLS tls.RecordHeaderError
	var invalid x509.CertificateInvalidError
	var alert tls.AlertError
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return Closed
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
	case errors.As(err, &alert):
		return causeOfAlert(alert)
	}
	return causeOfText(err.Error())
}

// causeOfAlert reads an alert description, RFC 8446 section 6.
func causeOfAlert(a tls.AlertError) Cause {
	const (
		handshakeFailure    = 40
		badCertificate      = 42
		certificateUnknown  = 46
		unknownCA           = 48
		accessDenied        = 49
		protocolVersion     = 70
		unrecognizedName    = 112
		certificateRequired = 116
		noApplication       = 120
	)
	switch {
	case a >= badCertificate && a <= certificateUnknown, a == unknownCA, a == accessDenied, a == certificateRequired:
		return AlertCertificate
	case a == handshakeFailure:
		return AlertHandshake
	case a == protocolVersion:
		return Version
	case a == unrecognizedName:
		return AlertName
	case a == noApplication:
		return AlertProtocol
	}
	return Alert
}

// causeOfText reads what crypto/tls says only in words: of alerts that came over
// the wire it makes "remote error: tls: ...", and of versions no type.
func causeOfText(text string) Cause {
	remote, is := strings.CutPrefix(text, "remote error: tls: ")
	switch {
	case !is && strings.Contains(text, "version"):
		return Version
	case !is && strings.Contains(text, "first record does not look like a TLS handshake"):
		return NotTLS
	case !is:
		return Other
	case strings.Contains(remote, "certificate"):
		return AlertCertificate
	case strings.Contains(remote, "protocol version"):
		return Version
	case strings.Contains(remote, "unrecognized name"):
		return AlertName
	case strings.Contains(remote, "no application protocol"):
		return AlertProtocol
	case strings.Contains(remote, "handshake failure"):
		return AlertHandshake
	}
	return Alert
}
