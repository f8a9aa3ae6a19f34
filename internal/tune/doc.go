// Package tune knows which kernel settings decide how many connections a machine can
// hold. It is one table of settings with their reasons (Settings), the arithmetic of
// what a run takes (Size), and Check, Apply, Persist and Revert.
//
//	target := tune.Target{Conns: 1_000_000, Role: tune.Both}
//	if err := target.Check(); err != nil {
//		return err
//	}
//	st := tune.Root{Dir: "/"} // this machine
//	for _, row := range tune.Check(st, target, tune.Select{}) {
//		fmt.Println(row.Key, row.Now, row.Want, row.Status)
//	}
//
// It reads settings through a State and writes only through Apply, Persist and
// Revert, which never lower a value that somebody else has raised and keep the
// old values in a Store. A new setting is a row in table_net.go (the network
// namespace's) or table_machine.go (the whole machine's).
package tune
