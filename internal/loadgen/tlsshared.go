package loadgen

import (
	"cmp"
	"fmt"
	"runtime"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/secure"
	"github.com/c10m/c10m/internal/sys"
)

// handshakesPerCore is how many TLS handshakes may be under way for each
// processor: most of them wait for the network, and each has a stack meanwhile.
const handshakesPerCore = 256

// tlsShared is what all threads share where connections are secured.
type tlsShared struct {
	profiles   []*secure.Profile // by destination; one for each name
	handshakes *secure.Pool
	bells      []int // eventfds of the threads, the same numbers in every fd table
}

// secure prepares for TLS.
func (s *shared) secure(p plan.Plan) error {
	if !p.TLS.On {
		return nil
	}
	o := secure.Options{Insecure: p.TLS.Insecure, CA: p.TLS.CA, Cert: p.TLS.Cert, Key: p.TLS.Key, ALPN: p.TLS.ALPN,
		Resume: p.TLS.Resume != plan.ResumeNone}
	named := map[string]*secure.Profile{}
	for i := range s.to {
		name := cmp.Or(p.TLS.SNI, s.to[i].Name, s.to[i].At.Addr().String())
		if named[name] == nil {
			made, err := o.Profile(name)
			if err != nil {
				return fmt.Errorf("prepare TLS: %w", err)
			}
			named[name] = made
		}
		s.profiles = append(s.profiles, named[name])
	}
	s.handshakes = secure.NewPool(handshakesPerCore*runtime.GOMAXPROCS(0), 0)
	return nil
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
