package fleet

import (
	"cmp"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/c10m/c10m/internal/secure"
)

// DefaultListen is where a hub listens unless it is told otherwise.
const DefaultListen = "127.0.0.1:4222"

// HubOptions are where a hub listens, and who is told of agents that it refuses.
type HubOptions struct {
	Listen  string // address:port; port 0: any that is free
	Refused func(why string)
	Token   string          // of agents; "": a new one
	Cert    tls.Certificate // off loopback; none: a new one
}

// Hub is a NATS server in this process, for the length of a run.
type Hub struct {
	Join   Join
	server *server.Server
	secret string // of the coordinator, who alone may give orders
}

// The users of a hub. What each may do is in permissions.
const (
	agentUser = "agent"
	leadUser  = "lead"
)

// startTime is how long a hub may take to listen; it takes 3 ms.
const startTime = 5 * time.Second

// StartHub listens. Off loopback everything goes over TLS with a certificate made
// now, and each side has its own secret in any case.
func StartHub(o HubOptions) (*Hub, error) {
	at, err := netip.ParseAddrPort(o.Listen)
	if err != nil || at.Addr().IsUnspecified() {
		return nil, fmt.Errorf("%q is not ADDRESS:PORT of this machine, like 10.0.0.5:4222, which agents can dial",
			o.Listen)
	}
	h := &Hub{secret: rand.Text(), Join: Join{Wire: Wire, Token: o.Token}}
	if h.Join.Token == "" {
		h.Join.Token = rand.Text()
	}
	opts := &server.Options{ServerName: "c10m", Host: at.Addr().String(), Port: int(at.Port()), NoSigs: true,
		NoLog: true, NoSystemAccount: true, MaxPayload: maxMessage, MaxControlLine: 4096,
		PingInterval: 2 * time.Second, MaxPingsOut: 2,
		Users: []*server.User{
			{Username: agentUser, Password: h.Join.Token, Permissions: agentMay()},
			{Username: leadUser, Password: h.secret},
		}}
	if at.Port() == 0 {
		opts.Port = server.RANDOM_PORT
	}
	if !at.Addr().IsLoopback() {
		if err := h.secure(opts, o.Cert, at.Addr()); err != nil {
			return nil, err
		}
	}
	if h.server, err = server.NewServer(opts); err != nil {
		return nil, fmt.Errorf("make hub: %w", err)
	}
	said := &hubLog{refused: o.Refused}
	h.server.SetLoggerV2(said, false, false, false)
	go h.server.Start()
	for end := time.Now().Add(startTime); !h.server.ReadyForConnections(10 * time.Millisecond); {
		if why := said.why(); why != "" || time.Now().After(end) {
			h.Stop()
			return nil, fmt.Errorf("%s: %s", o.Listen,
				cmp.Or(why, fmt.Sprintf("the hub was not ready within %v", startTime)))
		}
	}
	h.Join.Address = net.JoinHostPort(at.Addr().String(), strconv.Itoa(h.server.Addr().(*net.TCPAddr).Port))
	return h, nil
}

// secure turns TLS on.
func (h *Hub) secure(opts *server.Options, cert tls.Certificate, at netip.Addr) (err error) {
	if cert.Certificate == nil {
		if cert, err = secure.NewCertificate(time.Now(), at.String()); err != nil {
			return fmt.Errorf("make certificate: %w", err)
		}
	}
	h.Join.Pin = pinOf(cert.Certificate[0])
	opts.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}}
	opts.TLS, opts.TLSHandshakeFirst, opts.TLSTimeout = true, true, 5
	return nil
}

// agentMay is what an agent may do: answer whom it hears from, and say where it
// stands. It can give no orders to another, and read no answer to the coordinator.
func agentMay() *server.Permissions {
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: []string{stateSubject("*", "*")}},
		Subscribe: &server.SubjectPermission{Allow: []string{"$SRV.>", "c10m.agent.*.*", beatSubject("*")}},
		Response:  &server.ResponsePermission{MaxMsgs: 1, Expires: lookTime + askTime},
	}
}

// Stop ends it and its connections.
func (h *Hub) Stop() {
	h.server.Shutdown()
	h.server.WaitForShutdown()
}

// hubLog hears what the server would log, and tells of agents that were refused.
type hubLog struct {
	refused func(string)
	mu      sync.Mutex
	fatal   string
}

// why is what keeps the server from listening.
func (l *hubLog) why() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if strings.Contains(l.fatal, syscall.EADDRINUSE.Error()) {
		return "bind: " + syscall.EADDRINUSE.Error() + ": another coordinator? Choose another port"
	}
	return l.fatal
}

func (*hubLog) Noticef(string, ...any) {}
func (*hubLog) Debugf(string, ...any)  {}
func (*hubLog) Tracef(string, ...any)  {}

// Fatalf is an address in use; the server would end the process after a line of its
// own.
func (l *hubLog) Fatalf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fatal = fmt.Sprintf(format, v...)
}

func (l *hubLog) Warnf(format string, v ...any)  { l.note(fmt.Sprintf(format, v...)) }
func (l *hubLog) Errorf(format string, v ...any) { l.note(fmt.Sprintf(format, v...)) }

func (l *hubLog) note(text string) {
	if why := refusalOf(text); why != "" && l.refused != nil {
		l.refused(why)
	}
}

// refusalOf says of a line of the server whom it did not let in, and why; "" of any
// other line. Lines begin with the peer's address.
func refusalOf(line string) string {
	peer, _, _ := strings.Cut(line, " ")
	if ap, err := netip.ParseAddrPort(peer); err == nil {
		peer = ap.Addr().Unmap().String()
	}
	switch {
	case strings.Contains(line, net.ErrClosed.Error()): // we ended while it came
	case strings.Contains(line, "authentication error"):
		return clean(peer+": wrong token: its join file is of another run", maxText)
	case strings.Contains(line, "TLS handshake error"):
		_, why, _ := strings.Cut(line, "TLS handshake error: ")
		return clean(peer+": no TLS with it: "+why+" (its join file may pin another certificate)", maxText)
	}
	return ""
}

// errNoHub is the end of a connection to a hub that has gone.
var errNoHub = errors.New("the hub is gone")
