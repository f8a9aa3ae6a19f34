package result

import "slices"

// ofServer are doubts that say of an agent what goes without saying: the server's
// memory is measured beside the fleet, if at all. ofKernel are doubts about what an
// agent's kernel takes.
var (
	ofServer = []string{"memory_without_server", "server_memory_unknown"}
	ofKernel = []string{"memory_of_foreign_sockets", "memory_of_readers", "memory_slabs_had_room",
		"memory_slabs_not_full",
		"memory_unexplained", "memory_without_slabs", "memory_kept"}
)

// forget takes an agent off the warnings of these codes, and a warning that is nobody's
// away.
func (r *Result) forget(codes []string, name string) {
	r.Warnings = slices.DeleteFunc(r.Warnings, func(w Warning) bool {
		return slices.Contains(codes, w.Code) && slices.Equal(w.On, []string{name})
	})
	for i := range r.Warnings {
		if w := &r.Warnings[i]; slices.Contains(codes, w.Code) {
			w.On = slices.DeleteFunc(w.On, func(on string) bool { return on == name })
		}
	}
}

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
		r.forget(ofServer, a.Name)
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
		r.forget(ofKernel, a.Name)
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
