package plan

import (
	"fmt"
	"slices"
	"strings"
)

// mostAddresses is how many addresses of a name are shown.
const mostAddresses = 8

// HostText is the server's addresses, each name that the user gave with its own.
func (t *Target) HostText() string {
	type named struct {
		name  string
		hosts []string
	}
	var all []named
	for _, p := range t.Places {
		i := slices.IndexFunc(all, func(n named) bool {
			return n.name == p.Name && (p.Name != "" || n.hosts[0] == p.Host.String())
		})
		switch {
		case i < 0:
			all = append(all, named{p.Name, []string{p.Host.String()}})
		case !slices.Contains(all[i].hosts, p.Host.String()):
			all[i].hosts = append(all[i].hosts, p.Host.String())
		}
	}
	var said []string
	for _, n := range all {
		if more := len(n.hosts) - mostAddresses; more > 0 {
			n.hosts = append(n.hosts[:mostAddresses], fmt.Sprintf("%d more", more))
		}
		text := strings.Join(n.hosts, ", ")
		if n.name != "" {
			text = n.name + " (" + text + ")"
		}
		said = append(said, text)
	}
	return strings.Join(said, ", ")
}
