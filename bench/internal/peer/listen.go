package peer

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// Listen opens a listener on each address, or none.
func Listen(addrs []netip.AddrPort) ([]net.Listener, error) {
	var all []net.Listener
	for _, a := range addrs {
		l, err := net.Listen("tcp", a.String())
		if err != nil {
			for _, l := range all {
				l.Close()
			}
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// Strings are the addresses as most libraries want them.
func Strings(addrs []netip.AddrPort) []string {
	all := make([]string, len(addrs))
	for i, a := range addrs {
		all[i] = a.String()
	}
	return all
}

// HTTP serves the handler by net/http on all addresses: what every WebSocket
// library that upgrades an http.Request is used with.
func HTTP(handler http.HandlerFunc) Serve {
	return func(ctx context.Context, addrs []netip.AddrPort, ready func()) error {
		listeners, err := Listen(addrs)
		if err != nil {
			return err
		}
		server := &http.Server{Handler: handler}
		defer context.AfterFunc(ctx, func() { server.Close() })()
		ended := make(chan error, len(listeners))
		var serving sync.WaitGroup
		for _, l := range listeners {
			serving.Go(func() { ended <- server.Serve(l) })
		}
		ready()
		err = <-ended
		server.Close()
		serving.Wait()
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	}
}
