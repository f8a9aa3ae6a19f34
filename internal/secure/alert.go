package secure

import (
	"errors"
	"fmt"
	"net"
	"reflect"
)

// alertNames are those of RFC 8446 section 6 and, of TLS 1.2, RFC 5246 section 7.2.
var alertNames = map[uint64]string{
	0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 22: "record_overflow",
	40: "handshake_failure", 42: "bad_certificate", 43: "unsupported_certificate", 44: "certificate_revoked",
	45: "certificate_expired", 46: "certificate_unknown", 47: "illegal_parameter", 48: "unknown_ca",
	49: "access_denied", 50: "decode_error", 51: "decrypt_error", 70: "protocol_version",
	71: "insufficient_security", 80: "internal_error", 86: "inappropriate_fallback", 90: "user_canceled",
	100: "no_renegotiation", 109: "missing_extension", 110: "unsupported_extension", 112: "unrecognized_name",
	113: "bad_certificate_status_response", 115: "unknown_psk_identity", 116: "certificate_required",
	120: "no_application_protocol",
}

// AlertOf is the name of the peer's alert that an error is of; "": it is of none.
func AlertOf(err error) string {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return ""
	}
	code := reflect.ValueOf(op.Err) // a type that crypto/tls keeps to itself, of a byte
	if code.Kind() != reflect.Uint8 {
		return "unknown"
	}
	if name, is := alertNames[code.Uint()]; is {
		return name
	}
	return fmt.Sprintf("alert_%d", code.Uint())
}
