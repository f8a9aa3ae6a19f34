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

	"github.com/c10m/c10m/internal/plan"
)

// resolveTime is how long a name may take to be resolved. With --wait it is asked for
// again, so often: what is started together has its name later than its clients.
const (
	resolveTime  = 5 * time.Second
	resolveEvery = 200 * time.Millisecond
)

// lookUp resolves a name; tests have their own.
type lookUp func(ctx context.Context, network, host string) ([]netip.Addr, error)

// The values of --resolve: which addresses of a name are used.
const (
	resolveAll  = "all"  // every A and AAAA record, in turn
	resolveOnce = "once" // the first
	resolveV4   = "ipv4"
	resolveV6   = "ipv6"
	// resolveOne is those of one family, IPv4 where there are any: of --host, and of
	// sources that are of one family.
	resolveOne = ""
)

// address is one of the server, and what the user called it; "": by that address.
type address struct {
	netip.Addr
	name string
}

// resolver finds the addresses of names, each name once, so that every connection
// goes where the report says.
type resolver struct {
	lookUp
	which string // as in --resolve
	known map[string][]netip.Addr

	ctx    context.Context // of what is waited for
	wait   time.Duration   // for names that do not resolve yet, all together
	waited time.Duration   // of it
	say    func(format string, args ...any)
}

// addressesOf are the addresses of a name that --resolve chooses.
func (r *resolver) addressesOf(name string) ([]address, error) {
	all, err := r.ask(name)
	if err != nil {
		return nil, fmt.Errorf("look up name: %w", err)
	}
	v4 := slices.DeleteFunc(slices.Clone(all), netip.Addr.Is6)
	v6 := slices.DeleteFunc(slices.Clone(all), netip.Addr.Is4)
	switch {
	case r.which == resolveV4, r.which == resolveOne && len(v4) > 0:
		all = v4
	case r.which == resolveV6, r.which == resolveOne:
		all = v6
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("look up name: it has no %saddress",
			map[string]string{resolveV4: "IPv4 ", resolveV6: "IPv6 "}[r.which])
	}
	if r.which == resolveOnce {
		all = all[:1]
	}
	var named []address
	for _, a := range all {
		named = append(named, address{a, name})
	}
	return named, nil
}

// ask looks a name up, if that has not been done, and gives each address once.
func (r *resolver) ask(name string) ([]netip.Addr, error) {
	if all, is := r.known[name]; is {
		return all, nil
	}
	found, err := r.find(name)
	if err != nil && r.waited < r.wait {
		r.say("waiting for the name %s (--wait %v): %v\n", plan.OneLine(name), r.wait, err)
		began, before := time.Now(), r.waited
		for err != nil && r.waited < r.wait && r.ctx.Err() == nil {
			pause(r.ctx, min(resolveEvery, r.wait-r.waited))
			found, err = r.find(name)
			r.waited = before + time.Since(began)
		}
		if err != nil && r.waited >= r.wait { // else who asks has less time
			err = fmt.Errorf("%w within --wait %v", err, r.wait)
		}
	}
	if err != nil {
		return nil, err
	}
	var all []netip.Addr
	for _, a := range found {
		if a = a.Unmap().WithZone(""); !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	if r.known == nil {
		r.known = map[string][]netip.Addr{}
	}
	r.known[name] = all
	return all, nil
}

// find asks for a name once.
func (r *resolver) find(name string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(r.ctx, resolveTime)
	defer cancel()
	found, err := r.lookUp(ctx, "ip", name)
	if dns := (*net.DNSError)(nil); errors.As(err, &dns) {
		err = errors.New(dns.Err)
	}
	if err == nil && len(found) == 0 {
		err = errors.New("it has no address")
	}
	return found, err
}

// hosts reads --host: addresses and names.
func (r *resolver) hosts(text string) (all []address, err error) {
	for _, one := range strings.Split(text, ",") {
		one = strings.TrimSpace(one)
		found := make([]address, 1)
		if found[0].Addr, err = plan.ParseAddr(one); err != nil {
			if !plan.IsName(one) {
				return nil, fmt.Errorf("--host %w and no name, like 127.0.0.1, ::1, localhost or several with commas "+
					"between", err)
			}
			if found, err = r.addressesOf(one); err != nil {
				return nil, fmt.Errorf("--host %s: %v", one, err)
			}
		}
		for _, a := range found {
			if !slices.ContainsFunc(all, func(b address) bool { return a.Addr == b.Addr }) {
				all = append(all, a)
			}
		}
	}
	return all, nil
}
