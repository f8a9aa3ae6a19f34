package fleet

import (
	"strconv"
	"time"

	"github.com/nats-io/nats.go/micro"
)

// member is an agent that a coordinator has claimed.
type member struct {
	identity
	label  string // its name, told apart from others of the same
	heard  time.Time
	state  State
	clock  clock
	first  *clock          // as it was measured first
	opened map[string]bool // gates
	lost   string          // why it is; "" is alive
	result []byte
	failed string // why there is no result, though it is alive
}

// identity is who an agent is, as fields of its member.
type identity struct {
	id, name, commit, boot string
	net                    uint64
}

// done says whether nothing more is to come of it.
func (m *member) done() bool { return m.state.Ended }

// drift is how much its clock has moved against ours since the first look.
func (m *member) drift() time.Duration {
	if m.first == nil {
		return 0
	}
	return m.clock.Offset - m.first.Offset
}

// standing is the gate it waits at; "" if it does not.
func (m *member) standing() string {
	if m.state.Ended || m.opened[m.state.Gate] {
		return ""
	}
	return m.state.Gate
}

// decodeAbout reads what an agent says where it is discovered.
func decodeAbout(data []byte) (about, error) {
	i, err := decode[micro.Info](data)
	if err != nil {
		return about{}, err
	}
	if i.Name != service || !isToken(i.ID) {
		return about{}, errForm
	}
	said := func(what string) string { return clean(i.Metadata[what], maxName) }
	a := about{ID: i.ID, Name: said("name"), Commit: said("commit"), Boot: said("boot")}
	if a.Name == "" {
		a.Name = a.ID
	}
	a.Wire, _ = strconv.Atoi(i.Metadata["wire"]) // of none, a version that nobody speaks
	a.Net, _ = strconv.ParseUint(i.Metadata["net"], 10, 64)
	return a, nil
}
