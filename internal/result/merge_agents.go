package result

import "slices"

// settleAgents takes away what an agent measured of a kernel that it shared with
// another agent, or with the server (its boot id; "": not known): that growth is not
// its own.
func (r *Result) settleAgents(server string) {
	if len(r.Agents) == 0 {
		return
	}
	var shared, beside []string
	for i := range r.Agents {
		a := &r.Agents[i]
		same := func(b Agent) bool { return b.BootID == a.BootID && b.Name != a.Name }
		switch {
		case a.BootID == "":
			continue
		case slices.ContainsFunc(r.Agents, same):
			shared = append(shared, a.Name)
		case a.BootID == server:
			beside = append(beside, a.Name)
		default:
			continue
		}
		a.KernelPerConn = nil
	}
	if len(shared) > 0 {
		w := Warn("agents_on_one_machine")
		w.On = shared
		r.warn(w)
	}
	if len(beside) > 0 {
		w := Warn("agent_beside_server")
		w.On = beside
		r.warn(w)
	}
	r.AgentCost = CostOfAgents(r.Agents)
}
