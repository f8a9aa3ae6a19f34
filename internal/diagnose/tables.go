package diagnose

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// Tables show where processor time went, whether or not something is at its
// limit: by core, by process of the server, which is a shard of one of ours, and
// by thread of server and client, the busiest of each, at most so many.
func Tables(w Window, most int) (list []result.Table) {
	for _, t := range []result.Table{coresTable(&w, most), shardsTable(&w, most), threadsTable(&w, most)} {
		if len(t.Rows) > 0 {
			list = append(list, t)
		}
	}
	return list
}

func coresTable(w *Window, most int) result.Table {
	type core struct {
		id int64
		busy
	}
	var all []core
	for i, c := range w.cores() {
		all = append(all, core{w.After.Cores.Each[i].ID, c})
	}
	t := result.Table{Title: "Processors", Columns: []result.Column{{Name: "core", Unit: unit.InText}, {Name: "busy", Unit: unit.InShare},
		{Name: "soft interrupts", Unit: unit.InShare}, {Name: "stolen", Unit: unit.InShare}}}
	slices.SortStableFunc(all, func(a, b core) int { return cmp.Compare(b.all, a.all) })
	for _, c := range all[:min(len(all), most)] {
		t.Rows = append(t.Rows, []any{fmt.Sprint(c.id), max(0, c.all), max(0, c.softirq), max(0, c.stolen)})
	}
	t.Note = busiestOf(len(all), most)
	if s := w.Seen; s.Looks > 0 {
		t.Note += fmt.Sprintf("%.1f threads on average wanted one of the %d cores.", float64(s.Runnable)/float64(s.Looks), len(all))
	}
	return t
}

func shardsTable(w *Window, most int) result.Table {
	all := used(w.Before.Server, w.After.Server, w.seconds())
	slices.SortStableFunc(all, func(a, b shares) int { return cmp.Compare(b.want, a.want) })
	t := result.Table{Title: "Processes of the server", Columns: []result.Column{{Name: "process", Unit: unit.InText}, {Name: "ran", Unit: unit.InShare},
		{Name: "waited for a core", Unit: unit.InShare}, {Name: "threads", Unit: unit.InCount}, {Name: "calls/message", Unit: unit.InNumber}, {Name: "fds", Unit: unit.InCount}}}
	for _, s := range all[:min(len(all), most)] {
		row := []any{fmt.Sprintf("%d %s", s.PID, s.Name), s.run, s.want - s.run, float64(len(s.threads)), nil, nil}
		if n := messagesOf(w, s.PID, len(all) == 1); n > 0 && s.calls > 0 {
			row[4] = float64(s.calls) / float64(n)
		}
		if s.FDs.Open >= 0 {
			row[5] = float64(s.FDs.Open)
		}
		t.Rows = append(t.Rows, row)
	}
	t.Note = busiestOf(len(all), most) + "Shares are of one core; calls are those of read(2), write(2) and their kin, not of recv(2) and send(2)."
	return t
}

// messagesOf is how many messages a process of the server has echoed: as it
// says, or where it is the only one, as the client does.
func messagesOf(w *Window, pid int, only bool) int64 {
	if r := w.After.Report; r != nil && !only {
		return shardOf(r, pid).Messages - shardOf(w.Before.Report, pid).Messages
	}
	if r := w.After.Report; r != nil && w.Before.Report != nil {
		return r.Messages - w.Before.Report.Messages
	}
	if only {
		return w.Messages
	}
	return 0
}

func threadsTable(w *Window, most int) result.Table {
	type thread struct {
		process string
		threadShare
	}
	var all []thread
	for _, s := range append(used(w.Before.Server, w.After.Server, w.seconds()), used(w.Before.Client, w.After.Client, w.seconds())...) {
		for _, t := range s.threads {
			all = append(all, thread{fmt.Sprintf("%d %s", s.PID, s.Name), t})
		}
	}
	slices.SortStableFunc(all, func(a, b thread) int { return cmp.Compare(b.want, a.want) })
	t := result.Table{Title: "Threads", Columns: []result.Column{{Name: "process", Unit: unit.InText}, {Name: "thread", Unit: unit.InText},
		{Name: "ran", Unit: unit.InShare}, {Name: "waited for a core", Unit: unit.InShare}}, Note: busiestOf(len(all), most)}
	for _, one := range all[:min(len(all), most)] {
		t.Rows = append(t.Rows, []any{one.process, fmt.Sprintf("%d %s", one.TID, one.Name), one.run, one.want - one.run})
	}
	return t
}

// busiestOf says what is left out.
func busiestOf(n, most int) string {
	if n <= most {
		return ""
	}
	return fmt.Sprintf("The %d busiest of %d. ", most, n)
}
