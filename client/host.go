package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/plan"
)

// resolveTime is how long the names of --host may take to be resolved.
const resolveTime = 5 * time.Second

// lookUp resolves a name; tests have their own.
type lookUp func(ctx context.Context, network, host string) ([]netip.Addr, error)

// setHosts reads --host: addresses and names, each resolved once, here, so that
// every connection goes where the report says. All addresses are used in turn; they
// must be of one family, and of a name that has both the IPv4 ones are taken.
func setHosts(t *plan.Target, text string, resolve lookUp) error {
	t.Host, t.Others, t.Names = netip.Addr{}, nil, nil
	var all []netip.Addr
	var names []string
	add := func(a netip.Addr, name string) {
		for _, have := range all {
			if have == a {
				return
			}
		}
		all, names = append(all, a), append(names, name)
	}
	for _, one := range strings.Split(text, ",") {
		one = strings.TrimSpace(one)
		a, err := plan.ParseAddr(one)
		if err == nil {
			add(a, "")
			continue
		}
		if !isName(one) {
			return fmt.Errorf("--host %w and no name, like 127.0.0.1, ::1, localhost or several with commas between", err)
		}
		found, err := addressesOf(one, resolve)
		if err != nil {
			return fmt.Errorf("--host %s: %v", one, err)
		}
		for _, a := range found {
			add(a, one)
		}
	}
	for _, a := range all[1:] {
		if a.Is4() != all[0].Is4() {
			return fmt.Errorf("--host %s: %s and %s are of different address families", text, all[0], a)
		}
	}
	t.Host, t.Others = all[0], all[1:]
	if strings.Join(names, "") != "" {
		t.Names = names
	}
	return nil
}

// isName says whether a word can be the name of a host, RFC 1123 section 2.1; what
// ends in a number alone is an address that is misspelt.
func isName(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	if s == "" || len(s) > 253 || strings.Trim(s, letters+"0123456789-._") != "" {
		return false
	}
	last := s[strings.LastIndexByte(s, '.')+1:]
	return strings.Trim(last, "0123456789") != ""
}

// addressesOf are the addresses of a name: of one family.
func addressesOf(name string, resolve lookUp) (list []netip.Addr, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), resolveTime)
	defer cancel()
	all, err := resolve(ctx, "ip", name)
	var dns *net.DNSError
	if errors.As(err, &dns) {
		err = errors.New(dns.Err)
	}
	if err != nil {
		return nil, fmt.Errorf("look up name: %w", err)
	}
	var v6 []netip.Addr
	for _, a := range all {
		if a = a.Unmap().WithZone(""); a.Is4() {
			list = append(list, a)
		} else {
			v6 = append(v6, a)
		}
	}
	if len(list) == 0 {
		list = v6
	}
	if len(list) == 0 {
		return nil, errors.New("look up name: it has no address")
	}
	return list, nil
}
