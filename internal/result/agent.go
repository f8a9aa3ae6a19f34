package result

import "time"

// Agent is one machine's part of a run that several shared.
type Agent struct {
	Name        string `json:"name"`
	BootID      string `json:"boot_id,omitempty"` // of its machine
	CPUs        int    `json:"cpus,omitempty"`
	MemoryBytes uint64 `json:"memory_bytes,omitempty"`
	Share       int64  `json:"share"` // connections that it was to open
	Conns       Conns  `json:"conns"`
	// SetupRate is of its ramp, EchoRate of its messages, per second.
	SetupRate float64 `json:"setup_rate,omitempty"`
	EchoRate  float64 `json:"echo_rate,omitempty"`
	// What a connection takes of its kernel and of its process; absent where that was
	// not measured, or where what was measured is not its own.
	KernelPerConn *float64 `json:"kernel_bytes_per_conn,omitempty"`
	ClientPerConn *float64 `json:"client_bytes_per_conn,omitempty"`
	ClientBelow   *float64 `json:"client_below_bytes_per_conn,omitempty"` // in its place: it is less than that
	CPU           float64  `json:"client_seconds,omitempty"`
	ClockOffset   int64    `json:"clock_offset_ns,omitempty"` // its clock less that of who merged
	Tightest      *Limit   `json:"tightest,omitempty"`
	Findings      []string `json:"findings,omitempty"` // codes of those that limit or strain
	Interrupt     bool     `json:"interrupted,omitempty"`
	LostIn        string   `json:"lost_in,omitempty"` // the phase in which nothing more was heard of it
}

// AgentLost is the cause of the connections of an agent that nothing more was heard
// of: those that it held, and those of its share that it had not come to.
const AgentLost = "agent_lost"

// AgentCost is what a connection takes of the agents' machines: the mean over those
// that measured it, each weighted by its connections.
type AgentCost struct {
	Agents        int      `json:"agents"` // that measured it
	Conns         int64    `json:"conns"`  // of these
	KernelPerConn *float64 `json:"agent_kernel_bytes_per_conn,omitempty"`
	ClientPerConn *float64 `json:"agent_client_bytes_per_conn,omitempty"`
}

// OfAgent says that a result is an agent's part of a run, and which one's. offset is
// the agent's clock less ours.
func (r *Result) OfAgent(name string, offset time.Duration) {
	h := r.Host
	a := Agent{Name: name, BootID: h.BootID, CPUs: h.CPUs, MemoryBytes: h.MemoryBytes, Share: r.Plan.Conns,
		Conns: r.Conns, ClockOffset: int64(offset), Interrupt: r.Interrupt}
	if r.Setup != nil {
		a.SetupRate = r.Setup.Rate
	}
	if r.Echo != nil {
		a.EchoRate = r.Echo.Rate
	}
	if r.CPU != nil {
		a.CPU = r.CPU.Client
	}
	if m := r.Memory; m.Measured() {
		a.ClientPerConn, a.ClientBelow = m.ClientPerConn, m.ClientBelow
		if !m.BothEnds && !m.ServerEnd {
			a.KernelPerConn = &m.KernelPerConn
		}
	}
	if len(r.Limits) > 0 {
		tightest := r.Limits[0]
		a.Tightest = &tightest
	}
	for _, f := range r.Findings {
		if f.Severity >= Strains {
			a.Findings = append(a.Findings, f.Code)
		}
	}
	r.Agents = []Agent{a}
}

// LostAgent is the part of an agent that nothing more was heard of, as part of a run
// of that scenario and protocol: boot is the boot id of its machine, p what it was to
// do, last and echo what it had counted when it was heard of last, in that phase. All
// that it held is lost, and what it had not come to has failed.
func LostAgent(scenario, proto string, p Plan, name, boot string, last Conns, echo *Echo, phase string) *Result {
	r := &Result{Schema: Schema, Scenario: scenario, Proto: proto, Plan: p, Conns: last}
	if echo != nil && echo.Sent > 0 { // what was under way then was never answered to anybody
		e := *echo
		e.Lost = max(0, e.Sent-e.Received-e.Mismatched)
		r.Echo = &e
	}
	c := &r.Conns
	c.Errors = last.Errors.Plus(nil)
	if held := c.Established - c.Lost + c.Reconnected; held > 0 {
		c.Lost += held
		c.Errors.Add(AgentLost, held)
	}
	if never := p.Conns - c.Established - c.Failed; never > 0 {
		c.Failed += never
		c.Errors.Add(AgentLost, never)
	}
	c.Attempted = c.Established + c.Failed
	r.OfAgent(name, 0)
	r.Agents[0].BootID, r.Agents[0].LostIn = boot, phase
	return r
}

// CostOfAgents is what a connection takes of the agents' machines; nil where none
// measured it.
func CostOfAgents(all []Agent) *AgentCost {
	var c AgentCost
	mean := func(of func(Agent) *float64) *float64 {
		sum, conns := 0.0, int64(0)
		for _, a := range all {
			if v := of(a); v != nil {
				sum += *v * float64(a.Conns.Established)
				conns += a.Conns.Established
			}
		}
		if conns == 0 {
			return nil
		}
		sum /= float64(conns)
		return &sum
	}
	for _, a := range all {
		if a.KernelPerConn != nil || a.ClientPerConn != nil {
			c.Agents++
			c.Conns += a.Conns.Established
		}
	}
	c.KernelPerConn = mean(func(a Agent) *float64 { return a.KernelPerConn })
	c.ClientPerConn = mean(func(a Agent) *float64 { return a.ClientPerConn })
	if c.KernelPerConn == nil && c.ClientPerConn == nil {
		return nil
	}
	return &c
}
