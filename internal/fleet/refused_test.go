package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/c10m/c10m/tests/nettest"
)

func portOf(t *testing.T, text string) int {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestWrongToken: the reason stands on both sides.
func TestWrongToken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	j := r.hub.Join
	j.Token = "of-another-run"
	if _, err := j.Enter(); !Refused(err) || !strings.Contains(err.Error(), "wrong token") {
		t.Errorf("the agent hears %v", err)
	}
	nettest.Await(t, "the coordinator to hear of it", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.refused) > 0 && strings.Contains(r.refused[0], "127.0.0.1: wrong token")
	})
}

// secured is a hub with TLS, which off loopback every hub has.
func secured(t *testing.T) *rig {
	t.Helper()
	at := outside(t)
	r := &rig{t: t}
	var err error
	r.hub, err = StartHub(HubOptions{Listen: net.JoinHostPort(at.String(), "0"), Refused: func(why string) {
		r.mu.Lock()
		r.refused = append(r.refused, why)
		r.mu.Unlock()
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.hub.Stop)
	return r
}

// outside is an address of this machine that is not loopback.
func outside(t *testing.T) netip.Addr {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok && !ip.Unmap().IsLoopback() && !ip.IsLinkLocalUnicast() {
				return ip.Unmap()
			}
		}
	}
	t.Skip("this machine has no address but loopback")
	return netip.Addr{}
}

// TestTLS: off loopback with the pinned certificate, and in no other way.
func TestTLS(t *testing.T) {
	t.Parallel()
	r := secured(t)
	if r.hub.Join.Pin == "" {
		t.Fatal("off loopback there is no TLS")
	}
	r.lead = r.follow(r.hub.Lead, "lead")
	r.agent("a", &simulated{})
	ctx := within(t)
	if err := r.lead.Gather(ctx, 1, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	if out, err := r.lead.through(ctx, argsFor(1), nil); err != nil || out[0].Result == nil {
		t.Errorf("over TLS: %v, %v", out, err)
	}
	j := r.hub.Join
	j.Pin = strings.Repeat("00", 32)
	if _, err := j.Enter(); !errors.Is(err, ErrPin) || !Refused(err) {
		t.Errorf("with the pin of another the agent hears %v", err)
	}
	nettest.Await(t, "the coordinator to hear of it", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.refused) > 0 && strings.Contains(r.refused[0], "another certificate")
	})
	j.Pin = ""
	if c, err := j.Enter(); err == nil {
		c.Close()
		t.Error("without TLS it was let in")
	}
}

// TestWrongVersion: an agent that speaks another version is refused by name, and
// hears why.
func TestWrongVersion(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, err := r.hub.Join.Enter()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	heard := make(chan string, 1)
	s, err := micro.AddService(c.nc, micro.Config{Name: service, Version: "9.0.0", QueueGroupDisabled: true,
		Metadata: map[string]string{"name": "newer", "wire": "9"}})
	if err != nil {
		t.Fatal(err)
	}
	err = s.AddEndpoint("refuse", micro.HandlerFunc(func(m micro.Request) { heard <- string(m.Data()) }),
		micro.WithEndpointSubject(agentSubject(s.Info().ID, "refuse")))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(within(t))
	gathered := make(chan error, 1)
	go func() { gathered <- r.lead.Gather(ctx, 1, time.Minute) }()
	nettest.Await(t, "the coordinator to say so", func() bool { return r.noticed(NoticeRefused, "newer") })
	select {
	case said := <-heard:
		if !strings.Contains(said, "version 9") {
			t.Errorf("the agent heard %s", said)
		}
	case <-ctx.Done():
		t.Error("the agent heard nothing")
	}
	cancel()
	if err := <-gathered; err == nil {
		t.Error("it is taken")
	}
}

// TestAgentMayNot: with an agent's token nobody gives orders, listens to what agents
// tell the coordinator, or answers for it.
func TestAgentMayNot(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	victim := &simulated{}
	r.agent("victim", victim)
	ctx := within(t)
	if err := r.lead.Gather(ctx, 1, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	id := r.lead.View().Members[0].ID
	denied := make(chan error, 16)
	nc, err := nats.Connect("nats://"+r.hub.Join.Address, nats.UserInfo(agentUser, r.hub.Join.Token),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { denied <- err }))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	order, _ := json.Marshal(map[string]any{"run": r.lead.run, "args": []string{"hold"}})
	_ = nc.Publish(agentSubject(id, "prepare"), order)
	_ = nc.Publish(beatSubject(r.lead.run), nil)
	_, _ = nc.SubscribeSync("_INBOX.>")
	_, _ = nc.SubscribeSync(stateSubject("*", "*"))
	_ = nc.Flush()
	for range 4 {
		select {
		case err := <-denied:
			if !strings.Contains(err.Error(), "ermissions") {
				t.Errorf("denied for another reason: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("an agent may do what it must not")
		}
	}
	if victim.last() != nil {
		t.Error("an agent has commanded another")
	}
}

func TestJoinFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "c10m.join")
	want := Join{Wire: Wire, Address: "10.0.0.5:4222", Token: "secret", Pin: strings.Repeat("ab", 32)}
	if err := want.Write(file); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, %v; want 0600", info.Mode(), err)
	}
	if got, err := ReadJoin(file); err != nil || *got != want {
		t.Errorf("read back: %+v, %v", got, err)
	}
	for name, change := range map[string]func(*Join){
		"version":  func(j *Join) { j.Wire++ },
		"address":  func(j *Join) { j.Address = "nowhere" },
		"no token": func(j *Join) { j.Token = "" },
		"no pin":   func(j *Join) { j.Pin = "" },
		"bad pin":  func(j *Join) { j.Pin = "abc" },
	} {
		bad := want
		change(&bad)
		b, _ := json.Marshal(bad)
		if _, err := parseJoin(b); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
	if _, err := parseJoin([]byte("no JSON")); err == nil {
		t.Error("no JSON is taken")
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		url   string
		creds bool
		want  string // in the error; "": legal
	}{
		{"nats://127.0.0.1:4222", false, ""},
		{"nats://localhost:4222", false, ""},
		{"nats://[::1]:4222", false, ""},
		{"tls://nats.example.org:4222", true, ""},
		{"tls://user:secret@nats.example.org:4222", false, ""},
		{"wss://nats.example.org", true, ""},
		{"nats://10.0.0.5:4222", true, "only over TLS"},
		{"nats://user:secret@10.0.0.5:4222", false, "only over TLS"},
		{"tls://10.0.0.5:4222", false, "--creds"},
		{"http://10.0.0.5", true, "nats, tls, ws and wss"},
		{"10.0.0.5:4222", true, "is not a URL"},
		{"", true, "is not a URL"},
	} {
		err := CheckURL(tt.url, tt.creds)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%q, creds %t: %v, want %q", tt.url, tt.creds, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

// TestHubAddress: what nobody could dial, or is taken, is said.
func TestHubAddress(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "4222", "0.0.0.0:4222", "[::]:0", "localhost:1"} {
		if h, err := StartHub(HubOptions{Listen: bad}); err == nil {
			h.Stop()
			t.Errorf("a hub listens on %q", bad)
		}
	}
	h, err := StartHub(HubOptions{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Stop()
	if second, err := StartHub(HubOptions{Listen: h.Join.Address}); err == nil ||
		!strings.Contains(err.Error(), "address already in use") {
		if err == nil {
			second.Stop()
		}
		t.Errorf("a second hub at the same address: %v", err)
	}
}

func TestRefusalOf(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`10.0.0.7:5123 - cid:5 - authentication error - User "agent"`: "10.0.0.7: wrong token",
		`10.0.0.7:5123 - cid:5 - TLS handshake error: remote error: tls: bad certificate`: "10.0.0.7: no TLS with " +
			"it: remote error: tls: bad certificate",
		"10.0.0.7:5123 - TLS handshake error: read tcp 10.0.0.1:4222: use of closed network connection": "",
		"Slow Consumer": "",
	} {
		if got := refusalOf(line); want == "" && got != "" || !strings.HasPrefix(got, want) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}
