// Package fleet lets one coordinator run the same plan on many machines at once: a
// hub (NATS, embedded), agents that dial out to it, and the messages between them.
//
//	hub, err := fleet.StartHub(fleet.HubOptions{Listen: "127.0.0.1:0"})
//	conn, err := hub.Lead()
//	lead, err := fleet.Follow(conn, fleet.LeadOptions{Name: "laptop"})
//	err = lead.Gather(ctx, 10, 5*time.Minute) // ten agents
//
// It knows when, not what: arguments, samples and results are JSON that it carries
// and does not read. An agent has no command but to look at a plan, to prepare one,
// to open its next gate, to end it and to hand over its result.
//
// Every message is cumulative or may be repeated, so that a lost one costs time and
// nothing else. It never starts a process, and reads no flag: the client does both.
package fleet
