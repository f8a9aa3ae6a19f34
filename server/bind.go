package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/cli"
)

// names is the value of a flag that may be given several times: host names.
type names []string

func (n *names) String() string { return strings.Join(*n, ",") }

// Type names the kind of value.
func (*names) Type() string { return "names" }

// Set takes one name.
func (n *names) Set(s string) error {
	if !isName(s) {
		return fmt.Errorf("%q is not a host name, like c10m.example; addresses are admitted anyway", s)
	}
	*n = append(*n, s)
	return nil
}

// isName says whether s can be a host name, RFC 1123 section 2.1 (with the
// underscore that container networks use), and no address.
func isName(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil || s == "" || len(s) > 253 {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_')
	})
}

// lookupTime bounds how long a name may take to be looked up.
const lookupTime = 10 * time.Second

// resolve looks --bind's name up, once: every port and worker listens on the
// address that came first, IPv4 before IPv6, and the user is told which.
func (s *server) resolve(ctx context.Context) error {
	if s.bindName == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", s.bindName)
	if err != nil {
		return cli.Usage("--bind %w; give an address, like 127.0.0.1 or 0.0.0.0", unwrapDNS(err, s.bindName))
	}
	for i := range found {
		found[i] = found[i].Unmap().WithZone("")
	}
	slices.SortStableFunc(found, netip.Addr.Compare) // IPv4 sorts before IPv6
	found = slices.Compact(found)
	s.bind = found[0]
	also := ""
	if rest := found[1:]; len(rest) > 0 {
		also = fmt.Sprintf("; it has %v, too: the server listens on one address", rest)
	}
	s.logf("--bind %s is %s%s", s.bindName, s.bind, also)
	if err := s.checkLoop(); err != nil {
		return cli.Usage("%w", err)
	}
	return nil
}

// unwrapDNS says what is wrong with name without the server that was asked.
func unwrapDNS(err error, name string) error {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return fmt.Errorf("%s: %s", name, dns.Err)
	}
	return err
}
