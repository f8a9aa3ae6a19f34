package fleet

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"

	"github.com/c10m/c10m/internal/sys"
)

// Join is what an agent needs to find a hub and to be let in: the join file.
type Join struct {
	Wire    int    `json:"wire"`
	Address string `json:"address"` // host:port
	Token   string `json:"token"`
	Pin     string `json:"pin,omitempty"` // SHA-256 of the hub's certificate, in hex; "": no TLS, on loopback
}

// MaxJoin bounds a join file, and MaxCreds one of credentials.
const (
	MaxJoin  = 64 << 10
	MaxCreds = 64 << 10
)

// ReadJoin reads a join file.
func ReadJoin(file string) (*Join, error) {
	said, err := sys.ReadFile(file, MaxJoin)
	if err != nil {
		return nil, err
	}
	j, err := parseJoin([]byte(said))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return j, nil
}

func parseJoin(b []byte) (*Join, error) {
	j := &Join{}
	if err := json.Unmarshal(b, j); err != nil {
		return nil, fmt.Errorf("it is no join file: %v", err)
	}
	host, port, err := net.SplitHostPort(j.Address)
	switch raw, bad := hex.DecodeString(j.Pin); {
	case j.Wire != Wire:
		return nil, fmt.Errorf("the coordinator speaks version %d of the fleet's messages, this agent %d: "+
			"use the same build at both ends", j.Wire, Wire)
	case err != nil || host == "" || port == "":
		return nil, fmt.Errorf("address %.100q is not HOST:PORT", j.Address)
	case !isToken(j.Token):
		return nil, errors.New("it has no token")
	case j.Pin == "" && !isLoopback(host):
		return nil, fmt.Errorf("it has no pin of a certificate, and %s is not loopback", host)
	case j.Pin != "" && (bad != nil || len(raw) != sha256.Size):
		return nil, errors.New("its pin is not a SHA-256 in hex")
	}
	return j, nil
}

// Write leaves the join file for agents, readable by its owner alone.
func (j *Join) Write(file string) error {
	b, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		return err
	}
	return sys.ReplaceFile(file, append(b, '\n'), 0o600)
}

// pinOf is the pin of a certificate in DER.
func pinOf(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// ErrPin is a hub that shows another certificate than the join file's.
var ErrPin = errors.New("the hub's certificate is not the one that the join file pins: " +
	"the file is of another run, or somebody is in between")

// pinned is TLS to a hub with this certificate and no other. Names, issuers and
// dates say nothing more, and the agent's clock may be off.
func pinned(pin string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true,
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || pinOf(raw[0]) != pin {
				return ErrPin
			}
			return nil
		}}
}

// CheckCreds refuses a file that cannot be one of credentials. It is read again for each
// connection: a pipe would be empty by then.
func CheckCreds(file string) error {
	if _, err := sys.ReadFile(file, MaxCreds); err != nil {
		return err
	}
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s: want a regular file", file)
	}
	return nil
}

// isLoopback says whether only this machine can be meant.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// CheckURL refuses the address of an existing NATS that would carry the fleet's
// orders in the clear, or let anybody give them.
func CheckURL(text string, creds bool) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return fmt.Errorf("%q is not a URL like nats://127.0.0.1:4222 or tls://nats.example.org:4222", text)
	}
	switch u.Scheme {
	case "nats", "tls", "ws", "wss":
	default:
		return fmt.Errorf("%q: the legal schemes are nats, tls, ws and wss", u.Redacted())
	}
	if isLoopback(u.Hostname()) {
		return nil
	}
	if u.Scheme != "tls" && u.Scheme != "wss" {
		return fmt.Errorf("%q: off loopback only over TLS: want tls:// or wss://", u.Redacted())
	}
	if u.User == nil && !creds {
		return fmt.Errorf("%q: off loopback only with credentials: want --creds FILE, or a user or token in the URL",
			u.Redacted())
	}
	return nil
}
