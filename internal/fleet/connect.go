package fleet

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Conn is a connection to NATS, which reconnects by itself.
type Conn struct {
	nc     *nats.Conn
	closed chan struct{} // it is over for good

	mu       sync.Mutex
	refusals int   // in a row, while it reconnects
	refusal  error // the last
}

// mostRefusals is how often a hub may refuse us before that is the end: one that has
// just started may have its certificate before its join file is there.
const mostRefusals = 8

const (
	dialTime      = 5 * time.Second
	reconnectWait = 250 * time.Millisecond
)

// connect dials with what both ends have in common.
func connect(url string, options ...nats.Option) (*Conn, error) {
	c := &Conn{closed: make(chan struct{})}
	all := append([]nats.Option{nats.Timeout(dialTime), nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		nats.PingInterval(2 * time.Second), nats.MaxPingsOutstanding(2),
		nats.ReconnectBufSize(-1), // what is old when it arrives is better not sent
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { c.refuse(reason(err)) }),
		nats.ReconnectHandler(func(*nats.Conn) { c.refuse(nil) }),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
		nats.ClosedHandler(func(*nats.Conn) { close(c.closed) })}, options...)
	var err error
	if c.nc, err = nats.Connect(url, all...); err != nil {
		return nil, err
	}
	return c, nil
}

// refuse counts how often in a row the hub does not let us in again.
func (c *Conn) refuse(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !Refused(err) {
		c.refusals = 0
		return
	}
	if c.refusals, c.refusal = c.refusals+1, err; c.refusals == mostRefusals {
		go c.nc.Close()
	}
}

// why is why it is over.
func (c *Conn) why() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refusals > 0 {
		return c.refusal
	}
	return reason(c.nc.LastError())
}

// Lead connects the coordinator to its own hub, within the process.
func (h *Hub) Lead() (*Conn, error) {
	return connect("", nats.InProcessServer(h.server), nats.UserInfo(leadUser, h.secret))
}

// Dial connects to an existing NATS: a URL, and a file of credentials or "".
func Dial(url, creds string) (*Conn, error) {
	var options []nats.Option
	if creds != "" {
		if err := CheckCreds(creds); err != nil {
			return nil, err
		}
		options = append(options, nats.UserCredentials(creds))
	}
	c, err := connect(url, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", reason(err))
	}
	return c, nil
}

// Enter connects an agent to the hub of a join file.
func (j *Join) Enter() (*Conn, error) {
	options := []nats.Option{nats.UserInfo(agentUser, j.Token)}
	scheme := "nats://"
	if j.Pin != "" {
		options, scheme = append(options, nats.Secure(pinned(j.Pin)), nats.TLSHandshakeFirst()), "tls://"
	}
	c, err := connect(scheme+j.Address, options...)
	if err != nil {
		return nil, fmt.Errorf("join %s: %w", j.Address, reason(err))
	}
	return c, nil
}

// ErrRefused is a hub that does not let us in.
var ErrRefused = errors.New("refused by the hub")

// reason is why there is no connection, in the words of the fleet.
func reason(err error) error {
	switch {
	case err == nil:
		return errNoHub
	case errors.Is(err, ErrPin):
		return fmt.Errorf("%w: %w", ErrRefused, ErrPin)
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired),
		errors.Is(err, nats.ErrAuthRevoked):
		return fmt.Errorf("%w: wrong token or credentials: the join file is of another run", ErrRefused)
	case errors.Is(err, nats.ErrSecureConnWanted), errors.Is(err, nats.ErrSecureConnRequired):
		return fmt.Errorf("%w: %v", ErrRefused, err)
	}
	return err
}

// Refused says whether an error will not go away by trying again.
func Refused(err error) bool { return errors.Is(err, ErrRefused) }

// Connected says whether there is a connection right now.
func (c *Conn) Connected() bool { return c.nc.IsConnected() }

// Close ends it.
func (c *Conn) Close() {
	c.nc.Close()
	<-c.closed
}
