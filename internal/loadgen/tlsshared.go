package loadgen

import (
	"cmp"
	"fmt"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/secure"
	"github.com/c10m/c10m/internal/sys"
)

// handshakesPerCore is how many TLS handshakes may be under way for each
// processor: most of them wait for the network, and each has a stack meanwhile.
const handshakesPerCore = 256

// tlsShared is what all threads share where connections are secured.
type tlsShared struct {
	profiles   []*secure.Profile // by destination; one for each name; nil: it is plain
	mixed      bool              // some are
	handshakes *secure.Pool
	bells      []int // eventfds of the threads, the same numbers in every fd table
}

// secure prepares for TLS.
func (s *shared) secure(p plan.Plan) error {
	if !p.TLS.On {
		return nil
	}
	s.mixed = p.MixesTLS()
	named := map[string]*secure.Profile{}
	for i := range s.to {
		if !s.to[i].TLS {
			s.profiles = append(s.profiles, nil)
			continue
		}
		name := serverName(&p.Target, &s.to[i])
		if named[name] == nil {
			made, err := Profile(&p.Target, &s.to[i])
			if err != nil {
				return err
			}
			named[name] = made
		}
		s.profiles = append(s.profiles, named[name])
	}
	s.handshakes = secure.NewPool(handshakesPerCore*sys.Cores(), sys.Cores(), 0)
	return nil
}

// serverName is what a destination is asked for by, and what its certificate must be
// for.
func serverName(t *plan.Target, to *plan.Dest) string {
	return cmp.Or(t.TLS.SNI, to.Name, to.At.Addr().String())
}

// Profile is how a destination is connected to with TLS.
func Profile(t *plan.Target, to *plan.Dest) (*secure.Profile, error) {
	o := secure.Options{Insecure: t.TLS.Insecure, CA: t.TLS.CA, Cert: t.TLS.Cert, Key: t.TLS.Key, ALPN: t.TLS.ALPN,
		Resume: t.TLS.Resume != plan.ResumeNone}
	p, err := o.Profile(serverName(t, to))
	if err != nil {
		return nil, fmt.Errorf("prepare TLS: %w", err)
	}
	return p, nil
}

// newBell makes an eventfd by which handshakes wake one thread.
func (s *shared) newBell() (int, error) {
	bell, err := sys.Eventfd()
	if err != nil {
		return 0, fmt.Errorf("create eventfd of handshakes: %w", err)
	}
	s.bells = append(s.bells, bell)
	return bell, nil
}

// ring wakes the thread of a bell; after the end of all threads it does nothing.
func (s *shared) ring(bell int) {
	s.waking.Lock()
	defer s.waking.Unlock()
	if s.wake >= 0 {
		sys.Signal(bell)
	}
}
