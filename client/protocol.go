package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/unit"
)

// firstPorts settles --proto, --ports and --first-port: the first port of each
// protocol.
func (t *target) firstPorts() (first []int, err error) {
	switch strings.ReplaceAll(t.proto, " ", "") {
	case plan.TCP:
		t.Proto, first = plan.TCP, []int{plan.FirstTCP}
	case plan.WS:
		t.Proto, first = plan.WS, []int{plan.FirstWS}
	case plan.Mixed, "ws,tcp":
		t.Proto, first = plan.Mixed, []int{plan.FirstTCP, plan.FirstWS}
	default:
		return nil, fmt.Errorf("--proto %q: the legal values are tcp, ws and tcp,ws", t.proto)
	}
	if t.first != "" {
		list := strings.Split(t.first, ",")
		if len(list) != len(first) {
			return nil, fmt.Errorf("--first-port %s: want %d, one for each protocol of --proto %s", t.first, len(first),
				t.Proto)
		}
		for i, s := range list {
			n, err := strconv.Atoi(s)
			if err != nil {
				return nil, fmt.Errorf("--first-port %q is not a port: the legal range is 1..65535", s)
			}
			first[i] = n
		}
	}
	if t.raw.ports.First > 0 {
		if t.first != "" || len(first) > 1 {
			return nil, fmt.Errorf("--ports %s says which, and so does --first-port or a second protocol: give "+
				"--ports %d with --first-port",
				t.raw.ports.String(), t.raw.ports.N)
		}
		first[0] = t.raw.ports.First
	}
	count := t.raw.ports.N
	for _, n := range first {
		if err := (unit.Ports{First: n, N: count}).Check(); err != nil {
			return nil, fmt.Errorf("--first-port %d and --ports %d: %w", n, count, err)
		}
	}
	if len(first) == 2 && (unit.Ports{First: first[0], N: count}).Overlaps(unit.Ports{First: first[1], N: count}) {
		return nil, fmt.Errorf("--first-port %d,%d and --ports %d: the two ranges overlap", first[0], first[1], count)
	}
	return first, nil
}

// headers is a repeatable flag of header fields, "Name: value".
type headers [][2]string

func (h *headers) String() string { return "" }

// Type names the kind of value.
func (*headers) Type() string { return "field" }

// Set reads NAME:VALUE.
func (h *headers) Set(s string) error {
	name, value, ok := strings.Cut(s, ":")
	if !ok {
		return fmt.Errorf("%q is not a header field: want NAME:VALUE", s)
	}
	*h = append(*h, [2]string{name, strings.TrimSpace(value)})
	return nil
}
