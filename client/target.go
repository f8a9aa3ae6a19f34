package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/fill"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/unit"
	"github.com/c10m/c10m/internal/ws"
)

// takesTargets is how the help shows that a command takes them.
const takesTargets = "[TARGET...]"

// aboutTargets says what a TARGET is, for the help of the default command.
const aboutTargets = `TARGET is tcp://HOST:PORT, tls://HOST:PORT, ws://HOST/PATH or wss://HOST/PATH, with a
port or a range of them (:10000-10199), in place of --host, --proto and --ports; several
are used in turn. All A and AAAA records of a name are, too (--resolve). In a path and
in --header, {i} is the connection's number, {rand} a random number of ten digits,
{uuid} a UUID, {line} the connection's line of --lines FILE; {{i}} is sent as {i}.`

// isTarget says whether an argument is meant as one, and not as a command.
func isTarget(arg string) bool {
	return strings.Contains(arg, "://") || strings.ContainsAny(arg, ":/.@") && !strings.ContainsAny(arg, "<>")
}

// checkWhereTo settles where to, and what an opening handshake says there.
func (t *target) checkWhereTo() error {
	if err := t.setPlaces(); err != nil {
		return err
	}
	if err := t.readLines(); err != nil {
		return err
	}
	return t.checkHandshake()
}

// setPlaces settles where to: the targets on the command line, or the flags that
// stand for one.
func (t *target) setPlaces() error {
	t.Places, t.URLs, t.Proto, t.TLS.On = nil, nil, "", t.tls.all
	t.names.known, t.names.wait, t.names.waited = nil, t.Wait, 0
	t.names.ctx, t.names.say = t.ctx, t.say
	if t.names.which = t.resolving; !t.given("resolve") && (len(t.targets) == 0 || t.Engine == plan.EnginePackets) {
		t.names.which = resolveOne
	}
	by := t.byFlags
	if len(t.targets) > 0 {
		by = t.byURL
	}
	if err := by(); err != nil {
		return err
	}
	t.Waited = t.names.waited
	if n := t.Dests(); n > plan.MaxDests {
		return fmt.Errorf("%s ports of all addresses together: at most %s are legal: give fewer --ports, --host or "+
			"targets", unit.Commas(n), unit.Commas(plan.MaxDests))
	}
	return nil
}

// byURL makes places of the targets.
func (t *target) byURL() error {
	for _, flag := range []string{"host", "proto", "first-port", "ports"} {
		if t.given(flag) {
			return fmt.Errorf("--%s beside the target %s: the target says it already; give one of them", flag,
				t.targets[0])
		}
	}
	kinds := [2]bool{}
	for _, text := range t.targets {
		u, err := plan.ParseURL(text)
		if err == nil {
			err = t.addURL(u)
		}
		if err != nil {
			return err
		}
		kinds[index(u.WS)], t.TLS.On = true, t.TLS.On || u.TLS
	}
	if !t.TLS.On {
		for i := range t.Places {
			t.Places[i].Plain = false // nothing else is there
		}
	}
	switch t.Proto = plan.TCP; {
	case kinds[0] && kinds[1]:
		t.Proto = plan.Mixed
	case kinds[1]:
		t.Proto = plan.WS
	}
	t.URLs = t.targets
	return nil
}

func index(b bool) int {
	if b {
		return 1
	}
	return 0
}

// addURL adds the places of one target. Those of two that are the same count once.
func (t *target) addURL(u plan.URL) error {
	found := []address{{Addr: u.Addr}}
	if u.Name != "" {
		var err error
		if found, err = t.names.addressesOf(u.Name); err != nil {
			return fmt.Errorf("target %s: %s: %v", u.Text, u.Name, err)
		}
	}
	if u.Path != "" && t.given("path") {
		return fmt.Errorf("--path %s beside the target %s, which has a path: give one of them", t.WebSocket.Path,
			u.Text)
	}
	if u.WS {
		if _, err := ws.NewTemplate("h", cmp.Or(u.Path, "/"), nil, ""); err != nil {
			return fmt.Errorf("target %s: %v", u.Text, err)
		}
	}
	var ports []int
	for i := range u.Ports.N {
		ports = append(ports, u.Ports.First+i)
	}
	for _, a := range found {
		p := plan.Place{Host: a.Addr, Name: a.name, Ports: ports, WS: u.WS, Plain: !u.TLS && !t.tls.all, Path: u.Path}
		if !slices.ContainsFunc(t.Places, func(q plan.Place) bool { return samePlace(&p, &q) }) {
			t.Places = append(t.Places, p)
		}
	}
	return nil
}

func samePlace(p, q *plan.Place) bool {
	return p.Host == q.Host && p.Name == q.Name && p.WS == q.WS && p.Plain == q.Plain && p.Path == q.Path &&
		slices.Equal(p.Ports, q.Ports)
}

// byFlags makes places of --host, --proto, --first-port and --ports: each address has
// one for each protocol.
func (t *target) byFlags() error {
	hosts, err := t.names.hosts(t.host)
	if err != nil {
		return err
	}
	first, err := t.firstPorts()
	if err != nil {
		return err
	}
	for _, a := range hosts {
		for k, port := range first {
			p := plan.Place{Host: a.Addr, Name: a.name, WS: t.Proto == plan.WS || k > 0}
			for i := range t.raw.ports.N {
				p.Ports = append(p.Ports, port+i)
			}
			t.Places = append(t.Places, p)
		}
	}
	return nil
}

// maxRequest bounds our opening handshake: servers refuse header blocks of more
// than 8 KiB.
const maxRequest = 8 << 10

// checkHandshake tries what flags and targets say of it, and reads the lines.
func (t *target) checkHandshake() error {
	w := t.WebSocket
	if t.Proto == plan.TCP && (w.Path != "/" || len(w.Headers) > 0 || w.Subprotocol != "" || w.Text) {
		return errors.New("--path, --header, --subprotocol and --text want --proto ws or a target ws://")
	}
	for _, path := range t.paths() {
		request, err := ws.NewTemplate("127.0.0.1:65535", path, w.Headers, w.Subprotocol)
		if err != nil {
			return fmt.Errorf("--path, --header, --subprotocol: %v", err)
		}
		request.Fill(t.lines, 0)
		if request.NeedsLines() {
			if err := t.needLines("--path, --header or a target"); err != nil {
				return err
			}
			if err := request.CheckLines(t.lines); err != nil {
				return fmt.Errorf("--lines %s: %v", t.linesFile, err)
			}
		}
		switch {
		case request.Size() > maxRequest:
			return fmt.Errorf("--path, --header, --subprotocol: a request of up to %d bytes, at most %d are legal",
				request.Size(), maxRequest)
		}
	}
	return nil
}

// paths are those of all opening handshakes; of TCP that which flags say.
func (t *target) paths() (all []string) {
	for i := range t.Places {
		if path := cmp.Or(t.Places[i].Path, t.WebSocket.Path); !slices.Contains(all, path) {
			all = append(all, path)
		}
	}
	return all
}

// readLines reads the file of --lines.
func (t *target) readLines() error {
	t.lines, t.linesUsed, t.Lines = nil, false, ""
	if t.linesFile == "" {
		return nil
	}
	contents, err := t.contents("lines", t.linesFile, fill.MaxLines)
	if err != nil {
		return err
	}
	if t.lines, err = fill.ParseLines(contents); err != nil {
		return fmt.Errorf("--lines %s: %w", t.linesFile, err)
	}
	t.Lines = plan.Payload(contents)
	return nil
}

// needLines is called where something has {line}.
func (t *target) needLines(where string) error {
	if t.lines == nil {
		return fmt.Errorf("{line} in %s wants --lines FILE, which says what to put there", where)
	}
	t.linesUsed = true
	return nil
}
