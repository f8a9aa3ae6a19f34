package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/unit"
)

// sharing is what is divided among the agents of a run, and how each is told of its
// share: as flags behind those that all have.
type sharing struct {
	whole plan.Whole
	flags func(plan.Share) []string
	pool  int64 // connections of a churn's pool, which are divided like its users; 0: none

	args    []string       // of all
	sources []plan.Packets // of each that speaks TCP itself; nil: each machine has its own
	conns   []int64        // of each, once divided
}

// of is the command line of agent k without its share.
func (s *sharing) of(k int) []string {
	if s.sources == nil {
		return s.args
	}
	return append(slices.Clone(s.args), "--sources="+s.sources[k].Prefix.String())
}

// dealSources gives each agent that speaks TCP itself source addresses that no other
// has.
func (t *target) dealSources() ([]plan.Packets, error) {
	if t.Engine != plan.EnginePackets {
		return nil, nil
	}
	all := plan.Packets{Prefix: t.PacketSources}
	if !all.On() {
		for _, host := range t.Hosts() {
			if to, err := sys.Route(host); err != nil || !to.Local {
				return nil, cli.Usage("--engine packets to another host (%s) needs --sources CIDR: as many equal parts of "+
					"it as there are agents, each routed to its agent's machine, in the order of their names", host)
			}
		}
		all.Prefix = plan.PacketSources(t.Host().Is6())
	}
	parts, err := all.Parts(int(t.fleet.agents))
	if err != nil {
		return nil, cli.Usage("--sources %w", err)
	}
	return parts, nil
}

// coordinators are the flags of the coordinator that no agent may be given: its files
// and thresholds, what is shown there, who comes to it.
var coordinators = []string{"json", "html", "csv", "markdown", "fail-if", "dash", "otlp", "otlp-every",
	"fleet", "listen", "nats", "creds", "server-pid"}

// ownFlags do not travel as they are: the coordinator's, what a share replaces, and
// what the coordinator alone asks the server.
var ownFlags = slices.Concat(coordinators, []string{"quiet", "cap", "conns", "users", "verify", "pool", "stage",
	"server-control"})

// forAgents is a command line for agents: that of the coordinator without its own
// flags.
func forAgents(scenario string, line []string, flags *cli.Flags) []string {
	args := []string{scenario}
	rest := slices.Clone(line[1:])
	if at := slices.Index(rest, scenario); at >= 0 {
		rest = slices.Delete(rest, at, at+1)
	}
	for i := 0; i < len(rest); i++ {
		word := rest[i]
		name, isFlag := strings.CutPrefix(word, "--")
		name, _, whole := strings.Cut(name, "=")
		if !isFlag || name == "" {
			args = append(args, word)
			continue
		}
		own, with := slices.Contains(ownFlags, name), 1
		if !whole && name != "quiet" && (own || flags.TakesValue(name)) {
			with = min(2, len(rest)-i)
		}
		if !own {
			args = append(args, rest[i:i+with]...)
		}
		i += with - 1
	}
	return append(args, "--server-control=none")
}

// lines are the command lines of all agents.
func (s *sharing) lines(shares []plan.Share) (all [][]string, err error) {
	users, pooled := int64(0), int64(0)
	total := int64(0)
	for _, one := range shares {
		total += one.Conns
	}
	for k, one := range shares {
		args := slices.Concat(s.of(k), s.flags(one))
		conns := one.Conns
		if s.pool > 0 {
			users += one.Conns
			due := s.pool*users/total - pooled
			if due < 1 {
				return nil, cli.Usage("--pool %d: %d agents want at least one each", s.pool, len(shares))
			}
			pooled += due
			conns = due
			args = append(args, "--pool="+strconv.FormatInt(due, 10))
		}
		all, s.conns = append(all, args), append(s.conns, conns)
	}
	return all, nil
}

// rate is a flag of a rate that is shared; none where it is as fast as possible.
func rate(flag string, r unit.Rate) []string {
	if r == 0 {
		return nil
	}
	return []string{fmt.Sprintf("--%s=%s/s", flag, strconv.FormatFloat(float64(r), 'f', -1, 64))}
}

func count(flag string, n int64) []string { return []string{fmt.Sprintf("--%s=%d", flag, n)} }

// stages are a share of each stage.
func stages(all []plan.Stage) (flags []string) {
	for _, s := range all {
		flags = append(flags, "--stage="+s.String())
	}
	return flags
}

// sharing of hold and of echo.
func (t *target) sharing() sharing {
	connects, messages := "rate", ""
	if t.Scenario == "echo" {
		connects, messages = "connect-rate", "rate"
	}
	whole := plan.Whole{Conns: t.Conns, Cap: t.Cap, Rate: t.Rate, MessageRate: t.MessageRate, Verify: t.Verify,
		Stages: t.Stages}
	if len(t.Stages) > 0 { // at which agents begin one after the other
		whole.Rate = t.Stages[0].Rate
	}
	return sharing{whole: whole,
		flags: func(s plan.Share) []string {
			args := slices.Concat(count("verify", s.Verify), count(firstNumber, s.First))
			if len(s.Stages) > 0 {
				args = append(args, stages(s.Stages)...)
			} else {
				args = slices.Concat(args, count("conns", s.Conns), rate(connects, s.Rate))
			}
			if messages != "" {
				args = append(args, rate(messages, s.MessageRate)...)
			}
			return args
		}}
}

// sharing of users, each of whom does the same.
func (u *users) sharing(pool int64) sharing {
	return sharing{whole: plan.Whole{Conns: unit.Count{N: u.n}}, pool: pool,
		flags: func(s plan.Share) []string {
			return slices.Concat(count("users", s.Conns), count(firstNumber, s.First))
		}}
}
